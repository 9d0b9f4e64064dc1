import type { Report } from '../../core/report.ts';
import { millisecondsText, ratioText } from '../../core/text/units.ts';
import { intervalPlot } from '../charts/interval-plot.ts';
import { singleBar } from '../charts/share-bars.ts';
import { html, type Markup, shortened } from '../markup.ts';

/** How long it takes now, against before, and how sure that is. */
export function latencySection({ speed, conditions }: Report): Markup | undefined {
  if (!speed) return undefined;
  const { ratio, interval, before, after, rounds, shapes } = speed;
  const limit = conditions?.budget.latency;
  const spread = `95 %: ${ratioText(interval[0])} to ${ratioText(interval[1])}`;
  const most = Math.max(before, after);
  return html`<section class="card" aria-labelledby="latency"><h2 id="latency">Latency</h2>
<p class="big">${ratioText(ratio)} <small>of before</small></p>
<p class="soft">${spread}</p>
${intervalPlot({ value: ratio, interval, mark: 1, ...(limit !== undefined && { limit }), text: ratioText, label: `latency ratio ${ratioText(ratio)}, ${spread}` })}
<table class="bars"><caption class="hidden">Time of one run</caption><tbody>
<tr><th scope="row">before</th><td>${singleBar(before, most, 'before')}</td><td class="num">${millisecondsText(before)}</td></tr>
<tr><th scope="row">after</th><td>${singleBar(after, most, 'after')}</td><td class="num">${millisecondsText(after)}</td></tr>
</tbody></table>
<p class="soft">${rounds} rounds, in turns; ${shortened(shapes, 200)}</p>
</section>`;
}
