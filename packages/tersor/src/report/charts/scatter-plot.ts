import { html, type Markup } from '../markup.ts';

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [420, 300, 64, 16, 14, 40] as const;
const MOST_POINTS = 1500;

/** Pairs of positive numbers, both axes in orders of magnitude. */
export function scatterPlot(
  pairs: readonly (readonly [x: number, y: number])[],
  label: string,
  axes: readonly [x: string, y: string],
): Markup | undefined {
  const shown = pairs.filter(([x, y]) => x > 0 && y > 0).slice(0, MOST_POINTS);
  if (shown.length < 3) return undefined;
  const scale = (values: readonly number[], from: number, to: number) => {
    const logs = values.map(Math.log10);
    const [least, most] = [Math.min(...logs), Math.max(...logs)];
    const at = (log: number) => Number((from + ((log - least) / Math.max(1e-9, most - least)) * (to - from)).toFixed(1));
    const step = Math.max(1, Math.ceil((most - least) / 5));
    const ticks = [];
    for (let power = Math.ceil(least); power <= most; power += step) ticks.push({ text: `1e${power}`, at: at(power) });
    return { at: (value: number) => at(Math.log10(value)), ticks };
  };
  const x = scale(
    shown.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = scale(
    shown.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  );
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${y.ticks.map(({ text, at }) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="end" x="${LEFT - 6}" y="${at + 4}">${text}</text>`)}
${x.ticks.map(({ text, at }) => html`<text x="${at}" y="${HEIGHT - BOTTOM + 18}">${text}</text>`)}
${shown.map(([a, b]) => html`<circle class="dot" cx="${x.at(a)}" cy="${y.at(b)}" r="3"/>`)}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}">${axes[0]}</text><text class="up" transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)">${axes[1]}</text>
</svg>`;
}
