import { element } from './elements.js';

/** @typedef {{ readonly text: string, readonly same: boolean }} Piece */

/**
 * `b` in pieces, one a character, those marked that are not in `a` at their place (an empty one where `b` lacks a character); and how many edits lie between the two (Levenshtein).
 * @param {string} a
 * @param {string} b
 * @returns {{ pieces: Piece[], edits: number }}
 */
export function differences(a, b) {
  const [from, to] = [[...a], [...b]];
  const width = to.length + 1;
  const cost = new Uint32Array((from.length + 1) * width);
  const at = (/** @type {number} */ i, /** @type {number} */ j) => cost[i * width + j] ?? 0;
  for (let i = 0; i <= from.length; i++)
    for (let j = 0; j <= to.length; j++)
      cost[i * width + j] =
        i === 0 || j === 0 ? i + j : Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1));
  /** @type {Piece[]} */
  const pieces = [];
  let [i, j] = [from.length, to.length];
  while (i > 0 || j > 0) {
    const here = at(i, j);
    if (i > 0 && j > 0 && here === at(i - 1, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1)) {
      i--;
      j--;
      pieces.unshift({ text: to[j] ?? '', same: from[i] === to[j] });
    } else if (j > 0 && here === at(i, j - 1) + 1) {
      j--;
      pieces.unshift({ text: to[j] ?? '', same: false });
    } else {
      i--;
      pieces.unshift({ text: '', same: false });
    }
  }
  return { pieces, edits: at(from.length, to.length) };
}

/** @param {readonly Piece[]} pieces */
export function marked(pieces) {
  return pieces.map(({ text, same }) => (same ? text : element('mark', {}, text === '' ? '\u200b' : text)));
}
