const EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** Values as an area of `rows` lines, the highest of those that share a column; lines from the top, to an eighth of a line. */
export function profilePlot(values: readonly number[], { columns, rows }: { readonly columns: number; readonly rows: number }): string[] {
  const width = Math.max(1, Math.min(columns, values.length));
  const highest = most(values, 1);
  const heights = Array.from({ length: width }, (_, column) => {
    const from = Math.floor((column * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / width));
    const value = most(values.slice(from, to), 0);
    return value > 0 ? Math.max(1, Math.round((value / highest) * rows * 8)) : 0;
  });
  return Array.from({ length: rows }, (_, row) => {
    const below = (rows - 1 - row) * 8;
    return heights.map((height) => EIGHTHS[Math.max(0, Math.min(8, height - below))]).join('');
  });
}

/** Graphs may have more operators than a call may have arguments. */
function most(values: readonly number[], least: number): number {
  return values.reduce((highest, value) => Math.max(highest, value), least);
}
