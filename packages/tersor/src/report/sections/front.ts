import type { Report } from '../../core/report.ts';
import { bytesText, percentText } from '../../core/text/units.ts';
import { frontPlot } from '../charts/front-plot.ts';
import { html, type Markup } from '../markup.ts';

/** More would only be drawn over each other. */
const MOST = 300;

/** What else there was to choose from; one point alone is no choice. */
export function frontSection({ front = [], conditions }: Report): Markup | undefined {
  const points = front.filter(({ bytes, drop }) => Number.isFinite(bytes) && Number.isFinite(drop)).slice(0, MOST);
  if (points.length < 2) return undefined;
  return html`<section class="card wide" aria-labelledby="front"><h2 id="front">Size against loss</h2>
<p class="soft">No other allocation that was found is both smaller and better than one of these; the large point was chosen.</p>
${frontPlot(points, conditions?.budget.drop)}
<details><summary>As a table</summary><table><thead><tr><th scope="col" class="num">bytes</th><th scope="col" class="num">drop</th><th scope="col">chosen</th></tr></thead><tbody>
${points.map(({ bytes, drop, chosen }) => html`<tr><td class="num">${bytesText(bytes)}</td><td class="num">${percentText(drop)}</td><td>${chosen ? 'yes' : ''}</td></tr>`)}
</tbody></table></details></section>`;
}
