import { html, type Markup } from '../markup.ts';

export interface IntervalPlot {
  readonly value: number;
  readonly interval: readonly [number, number];
  /** What was promised; drawn as a dashed line. */
  readonly limit?: number;
  /** A value to compare with, such as 1x. */
  readonly mark?: number;
  readonly text: (value: number) => string;
  /** What readers of screens are told. */
  readonly label: string;
}

const WIDTH = 290;
const SIDE = 34;
const LINE = 30;
/** Closer labels would run into each other. */
const APART = 66;

/** A measured value with its interval on an axis, beside what was promised. */
export function intervalPlot({ value, interval: [low, high], limit, mark, text, label }: IntervalPlot): Markup {
  const values = [value, low, high, limit ?? value, mark ?? value];
  if (!values.every(Number.isFinite)) return html``;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const x = (at: number) => Number((SIDE + ((at - least) / (most - least || 1)) * (WIDTH - 2 * SIDE)).toFixed(1));
  const bar = Math.max(2, x(high) - x(low));
  const isKept = limit === undefined || value <= limit;
  const hides = mark !== undefined && limit !== undefined && Math.abs(x(mark) - x(limit)) < APART;
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} 62" role="img" aria-label="${label}">
<line class="axis" x1="${SIDE / 2}" x2="${WIDTH - SIDE / 2}" y1="${LINE}" y2="${LINE}"/>
${mark !== undefined && html`<line class="tick" x1="${x(mark)}" x2="${x(mark)}" y1="${LINE - 9}" y2="${LINE + 9}"/>${!hides && html`<text x="${x(mark)}" y="56">${text(mark)}</text>`}`}
${limit !== undefined && html`<line class="limit" x1="${x(limit)}" x2="${x(limit)}" y1="${LINE - 16}" y2="${LINE + 12}"/><text x="${x(limit)}" y="56">${`≤ ${text(limit)}`}</text>`}
<rect class="spread ${isKept ? 'good' : 'bad'}" x="${x(low)}" y="${LINE - 5}" width="${Number(bar.toFixed(1))}" height="10" rx="5"/>
<circle class="${isKept ? 'good' : 'bad'}" cx="${x(value)}" cy="${LINE}" r="6"/>
<text class="value" x="${x(value)}" y="12">${text(value)}</text>
</svg>`;
}
