import type { FrontPoint } from '../../core/report.ts';
import { bytesText, percentText } from '../../core/text/units.ts';
import { html, type Markup } from '../markup.ts';

const [WIDTH, HEIGHT] = [620, 300];
const [LEFT, RIGHT, TOP, BOTTOM] = [72, 36, 20, 44];
const TICKS = 4;

/** Bytes against loss, the chosen point marked. `limit` is the largest loss that was promised. */
export function frontPlot(front: readonly FrontPoint[], limit?: number): Markup {
  const mostBytes = Math.max(...front.map(({ bytes }) => bytes), 1);
  const mostDrop = Math.max(...front.map(({ drop }) => drop), limit ?? 0, 1e-9) * 1.05;
  const x = (bytes: number) => tidy(LEFT + (bytes / mostBytes) * (WIDTH - LEFT - RIGHT));
  const y = (drop: number) => tidy(HEIGHT - BOTTOM - (Math.max(0, drop) / mostDrop) * (HEIGHT - TOP - BOTTOM));
  const shares = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS);
  const way = front.map(({ bytes, drop }, i) => (i === 0 ? `M${x(bytes)} ${y(drop)}` : `H${x(bytes)}V${y(drop)}`)).join('');
  const chosen = front.find((point) => point.chosen);
  const label = `${front.length} allocations${chosen ? `; chosen: ${bytesText(chosen.bytes)} at a drop of ${percentText(chosen.drop)}` : ''}`;
  return html`<svg class="front" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${shares.map((share) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share * mostDrop)}" y2="${y(share * mostDrop)}"/><text class="end" x="${LEFT - 8}" y="${y(share * mostDrop) + 4}">${percentText(share * mostDrop)}</text><text x="${x(share * mostBytes)}" y="${HEIGHT - BOTTOM + 24}">${bytesText(share * mostBytes)}</text>`)}
${limit !== undefined && html`<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(limit)}" y2="${y(limit)}"/>`}
<path class="way" d="${way}"/>
${front.map((point) => html`<circle class="${point.chosen ? 'chosen' : 'point'}" cx="${x(point.bytes)}" cy="${y(point.drop)}" r="${point.chosen ? 8 : 4}"><title>${bytesText(point.bytes)}, drop ${percentText(point.drop)}</title></circle>`)}
</svg>`;
}

function tidy(value: number): number {
  return Number(value.toFixed(1));
}
