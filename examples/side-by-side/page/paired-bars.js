import { bar, element } from './elements.js';

/**
 * @typedef {object} PairedRow
 * @property {string} label
 * @property {number} original
 * @property {number} compressed
 */

/**
 * Rows with two bars each, one a model, and their difference.
 * @param {readonly PairedRow[]} rows
 * @param {string} caption
 * @param {(value: number) => string} text
 */
export function pairedBars(rows, caption, text) {
  return element(
    'table',
    { class: 'paired' },
    element('caption', { class: 'hidden' }, caption),
    element(
      'thead',
      { class: 'hidden' },
      element('tr', {}, ...['what', 'bars', 'original', 'compressed'].map((heading) => element('th', { scope: 'col' }, heading))),
    ),
    element(
      'tbody',
      {},
      ...rows.map(({ label, original, compressed }) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, label),
          element('td', { class: 'bars' }, bar('original', original), bar('compressed', compressed)),
          element('td', { class: 'value' }, text(original)),
          element('td', { class: 'value compressed' }, text(compressed)),
        ),
      ),
    ),
  );
}
