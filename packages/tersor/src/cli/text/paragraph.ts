import { wrap } from './width.ts';

/** Longer lines are hard to read. */
const WIDEST = 100;

/** Text in lines that fit, the first after `first`, the others after `rest`. */
export function paragraph(text: string, columns: number, first = '', rest = first): string[] {
  return wrap(text, Math.max(20, Math.min(columns, WIDEST) - first.length)).map((line, i) => (i === 0 ? first : rest) + line);
}
