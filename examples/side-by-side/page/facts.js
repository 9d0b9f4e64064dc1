import { bar, element } from './elements.js';
import { bytesText, quantile, timeText } from './units.js';

/**
 * What the two files cost, in four tiles. Every value may still be unknown.
 * @typedef {object} Facts
 * @property {readonly [original: number, compressed: number]} bytes
 * @property {readonly [original: number, compressed: number]} [load]  milliseconds
 * @property {{ readonly original: readonly number[], readonly compressed: readonly number[], readonly shapes: string }} [rounds]  milliseconds
 */

const NAMES = /** @type {const} */ (['original', 'compressed']);
const SPEEDS = [10, 50];

/** @param {HTMLElement} place @param {Facts} facts @param {HTMLElement} [again]  what times both again */
export function showFacts(place, { bytes, load, rounds }, again) {
  const [original, compressed] = bytes;
  place.replaceChildren(
    tile('File', `${(original / compressed).toFixed(1)}x smaller`, pair(bytes, bytesText)),
    tile('Download', `${timeText(((original - compressed) * 8) / 10e3)} sooner at 10 Mbit/s`, downloads(bytes)),
    tile('Loading', load && ratioText(load), load ? pair(load, timeText) : pending('loading')),
    rounds
      ? tile(
          'One run',
          ratioText([quantile(rounds.original, 0.5), quantile(rounds.compressed, 0.5)]),
          latency(rounds),
          `${rounds.original.length} rounds, in turns; ${rounds.shapes}`,
        )
      : tile('One run', undefined, pending('not measured yet')),
  );
  if (again) place.lastElementChild?.append(again);
}

/** @param {string} title @param {string | undefined} headline @param {Node} body @param {string} [note] */
function tile(title, headline, body, note) {
  return element(
    'div',
    { class: 'tile', role: 'group', 'aria-label': title },
    element('h3', {}, title),
    element('p', { class: 'headline' }, headline ?? '…'),
    body,
    ...(note === undefined ? [] : [element('p', { class: 'note' }, note)]),
  );
}

/** @param {string} text */
function pending(text) {
  return element('p', { class: 'note' }, text);
}

/** Two bars of one scale with their values. @param {readonly [number, number]} values @param {(value: number) => string} text */
function pair(values, text) {
  const most = Math.max(...values);
  return element(
    'dl',
    { class: 'pair' },
    ...NAMES.map((name, i) =>
      element(
        'div',
        {},
        element('dt', {}, name),
        element('dd', {}, bar(name, (values[i] ?? 0) / most), element('b', {}, text(values[i] ?? 0))),
      ),
    ),
  );
}

/** @param {readonly [number, number]} bytes */
function downloads(bytes) {
  return element(
    'table',
    {},
    element('thead', {}, element('tr', {}, element('td'), ...SPEEDS.map((speed) => element('th', { scope: 'col' }, `${speed} Mbit/s`)))),
    element(
      'tbody',
      {},
      ...NAMES.map((name, i) =>
        element(
          'tr',
          { class: name },
          element('th', { scope: 'row' }, name),
          ...SPEEDS.map((speed) => element('td', {}, timeText(((bytes[i] ?? 0) * 8) / (speed * 1e3)))),
        ),
      ),
    ),
  );
}

/** Medians, and every round as a dot. @param {{ readonly original: readonly number[], readonly compressed: readonly number[] }} rounds */
function latency(rounds) {
  const all = [...rounds.original, ...rounds.compressed];
  // The slowest rounds belong to whatever else the machine did; they would squeeze all others together.
  const [least, most] = [quantile(all, 0), quantile(all, 0.95)];
  return element(
    'dl',
    { class: 'pair' },
    ...NAMES.map((name) => {
      const dots = rounds[name].filter((ms) => ms <= most).map((ms) => dot(name, (ms - least) / (most - least || 1)));
      const spread = `half of the rounds took ${timeText(quantile(rounds[name], 0.25))} to ${timeText(quantile(rounds[name], 0.75))}`;
      const strip = element('span', { class: 'strip', role: 'img', 'aria-label': spread, title: spread }, ...dots);
      return element('div', {}, element('dt', {}, name), element('dd', {}, strip, element('b', {}, timeText(quantile(rounds[name], 0.5)))));
    }),
  );
}

/** @param {string} kind @param {number} at  0 to 1 */
function dot(kind, at) {
  const made = element('i', { class: kind });
  made.style.left = `${at * 100}%`;
  return made;
}

/** @param {readonly [original: number, compressed: number]} times */
function ratioText([original, compressed]) {
  const ratio = compressed / original;
  return ratio > 0.97 && ratio < 1.03 ? 'as long as before' : `${ratio.toFixed(2)}x the time`;
}
