import { wrap } from './width.ts';

/** Longer lines are hard to read. */
const WIDEST = 100;

/** Text in lines that fit, the first after `first`, the others after `rest`. */
export function paragraph(text: string, columns: number, first = '', rest = first): string[] {
  return wrap(text, Math.max(20, Math.min(columns, WIDEST) - first.length)).map((line, i) => (i === 0 ? first : rest) + line);
}

/** The paragraphs of a Markdown text, without the line breaks that their source has inside. */
export function paragraphs(markdown: string): string[] {
  const parts = markdown.split(/\n\s*\n/);
  return parts.map((part) => part.trim().replace(/\s*\n\s*/g, ' ')).filter((part) => part !== '');
}
