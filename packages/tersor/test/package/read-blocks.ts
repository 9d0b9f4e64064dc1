export interface Block {
  /** Of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The text of an HTML comment right before the block: `not run: why`, or a name; empty when there is none. */
  readonly note: string;
}

/** The fenced code blocks of a Markdown page, in order. */
export function readBlocks(page: string): Block[] {
  const fenced = /(?:<!--\s*([^>]*?)\s*-->\s*)?^```(\w*)\n([\s\S]*?)^```$/gm;
  return [...page.matchAll(fenced)].map(({ 0: all, 1: note = '', 2: language = '', 3: code = '', index }) => ({
    line: page.slice(0, index + all.indexOf('```')).split('\n').length,
    language,
    code,
    note,
  }));
}
