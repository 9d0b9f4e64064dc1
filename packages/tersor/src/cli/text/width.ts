import stringWidth from 'string-width';

/** Columns that `text` takes in a terminal. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** `text` in at most `width` columns; what is too long loses its middle, for names differ at both ends. No escape codes. */
export function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 1) return width === 1 ? '…' : '';
  const characters = segments(text);
  const head = take(characters, Math.floor((width - 1) / 2));
  const tail = take(characters.reverse(), width - 1 - widthOf(head.join('')));
  return `${head.join('')}…${tail.reverse().join('')}`;
}

/** The fewest columns between `least` and `most` in which different names stay different when they are shortened; `least` where they never do. */
export function widthApart(names: readonly string[], least: number, most: number): number {
  const different = new Set(names).size;
  for (let width = least; width <= most; width++) {
    if (new Set(names.map((name) => shorten(name, width))).size === different) return width;
  }
  return least;
}

/** `text` in at most `width` columns; what is too long loses its end. No escape codes. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width < 1 ? '' : `${take(segments(text), width - 1).join('')}…`;
}

function segments(text: string): string[] {
  return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
}

function take(characters: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const character of characters) {
    used += widthOf(character);
    if (used > width) break;
    taken.push(character);
  }
  return taken;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}

/** `text` broken at spaces into lines of at most `width` columns; a longer word gets a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
