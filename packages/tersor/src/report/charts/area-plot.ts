import { html, type Markup } from '../markup.ts';

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [960, 220, 70, 12, 12] as const;
/** More points than pixels show nothing more. */
const MOST_POINTS = 600;

/** Values in their order as an area; each step is as wide as another. The highest value of those that share a point counts. */
export function areaPlot(values: readonly number[], text: (value: number) => string): Markup {
  const highest = values.reduce((most, value) => Math.max(most, value), 1);
  const points = Math.min(MOST_POINTS, values.length);
  const step = (WIDTH - LEFT) / points;
  const y = (value: number) => (TOP + (1 - value / highest) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const line = Array.from({ length: points }, (_, i) => {
    const from = Math.floor((i * values.length) / points);
    const to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / points));
    const height = y(values.slice(from, to).reduce((most, value) => Math.max(most, value), 0));
    return `L${(LEFT + i * step).toFixed(1)} ${height}L${(LEFT + (i + 1) * step).toFixed(1)} ${height}`;
  }).join('');
  const ticks = [1, 0.5, 0].map(
    (share) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${y(share * highest)}" y2="${y(share * highest)}"/><text class="end" x="${LEFT - 8}" y="${Number(y(share * highest)) + 4}">${text(share * highest)}</text>`,
  );
  return html`<svg class="front" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Bytes of activations that are alive, operator by operator; ${text(highest)} at most">${ticks}<path class="area" d="M${LEFT} ${y(0)}${line}L${WIDTH} ${y(0)}Z"/></svg>`;
}
