import type { WeightReport } from '../../core/report.ts';
import { bytesText, integerText, percentText } from '../../core/text/units.ts';
import { html, type Markup } from '../markup.ts';

/** More columns than pixels show nothing more. */
const MOST = 600;
/** Fewer can be read from the table. */
const FEWEST = 8;

/** Every weight as a column, in the order of the file: bytes before and after stand up, the error hangs down. */
export function skyline(weights: readonly WeightReport[]): Markup | undefined {
  if (weights.length < FEWEST) return undefined;
  const shown = largest(weights, MOST);
  const mostBytes = shown.reduce((most, { bytesBefore, bytesAfter }) => Math.max(most, bytesBefore, bytesAfter), 1);
  const mostError = shown.reduce((most, { error = 0 }) => Math.max(most, error), 0);
  const hidden = weights.length - shown.length;
  const up = (kind: string, bytesOf: (weight: WeightReport) => number) =>
    html`<path class="${kind}" d="${shown.map((weight, i) => column(i, 100, -bytesOf(weight) / mostBytes)).join('')}"/>`;
  return html`<figure class="skyline"><figcaption class="soft">Every weight in the order of the file: bytes above, error below${hidden > 0 && ` (the ${integerText(MOST)} largest)`}</figcaption>
<div class="lane"><span>up to ${bytesText(mostBytes)}</span><svg viewBox="0 0 ${shown.length} 100" preserveAspectRatio="none" role="img" aria-label="Bytes of ${shown.length} weights, at most ${bytesText(mostBytes)}">${up('before', ({ bytesBefore }) => bytesBefore)}${up('after', ({ bytesAfter }) => bytesAfter)}</svg></div>
${mostError > 0 && html`<div class="lane low"><span>up to ${percentText(mostError)}</span><svg viewBox="0 0 ${shown.length} 100" preserveAspectRatio="none" role="img" aria-label="Relative errors of ${shown.length} weights, at most ${percentText(mostError)}"><path class="error" d="${shown.map(({ error = 0 }, i) => column(i, 0, error / mostError)).join('')}"/></svg></div>`}</figure>`;
}

/** Those of the most bytes, still in their order. */
function largest(weights: readonly WeightReport[], count: number): readonly WeightReport[] {
  if (weights.length <= count) return weights;
  const chosen = new Set([...weights].sort((a, b) => b.bytesBefore - a.bytesBefore).slice(0, count));
  return weights.filter((weight) => chosen.has(weight));
}

/** A line of `share` of the height; what is not nothing stays visible. */
function column(i: number, from: number, share: number): string {
  if (!Number.isFinite(share) || share === 0) return '';
  const length = Math.sign(share) * Math.max(1.5, Math.abs(share) * 100);
  return `M${i + 0.5} ${from}v${Number(length.toFixed(1))}`;
}
