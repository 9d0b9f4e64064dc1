const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `share` (0..1) of `width` columns, to an eighth of a column; what is not nothing is never drawn as nothing. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const shown = share > 0 ? Math.max(1, eighths) : eighths;
  return '█'.repeat(Math.floor(shown / 8)) + EIGHTHS[shown % 8];
}
