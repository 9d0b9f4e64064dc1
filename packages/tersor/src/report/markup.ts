import { printable } from '../core/text/printable.ts';

/** HTML that is safe to put into a page: made by `html`, never from text directly. */
export interface Markup {
  readonly html: string;
}

export type Part = Markup | string | number | undefined | false | readonly Part[];

/**
 * A template whose values are text: what a file says is escaped, control characters and those that turn the direction of writing are made
 * visible. Markup and lists of it go in as they are; `undefined` and `false` leave nothing. Attributes must be quoted with `"`.
 */
export function html(fixed: TemplateStringsArray, ...values: readonly Part[]): Markup {
  return { html: fixed.reduce((before, text, i) => before + markupOf(values[i - 1]) + text) };
}

function markupOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(printable(String(part)));
  return 'html' in part ? part.html : part.map(markupOf).join('');
}

/** Text of several lines, for `pre`; the same escapes, but lines stay lines. */
export function preformatted(text: string): Markup {
  return {
    html: text
      .split('\n')
      .map((line) => escaped(printable(line)))
      .join('\n'),
  };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** At most `length` characters; what is too long loses its middle, for names differ at both ends. */
export function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  const half = Math.floor((length - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(text.length - half)}`;
}
