import type { Report, ShapeTiming, SpeedReport } from '../../core/report.ts';
import { millisecondsText, ratioText } from '../../core/text/units.ts';
import { intervalPlot } from '../charts/interval-plot.ts';
import { singleBar, spreadBar } from '../charts/share-bars.ts';
import { html, type Markup, shortened } from '../markup.ts';

const SHAPES_SHOWN = 10;

/** How long it takes now, against before, how sure that is, and how far single runs spread. */
export function latencySection({ speed, conditions }: Report): Markup | undefined {
  if (!speed) return undefined;
  const { ratio, interval } = speed;
  const timings = (speed.timings ?? []).filter(({ before, after }) =>
    [...Object.values(before), ...Object.values(after)].every(Number.isFinite),
  );
  const limit = conditions?.budget.latency;
  const spread = `95 %: ${ratioText(interval[0])} to ${ratioText(interval[1])}`;
  return html`<section class="card" aria-labelledby="latency"><h2 id="latency">Latency</h2>
<p class="big">${ratioText(ratio)} <small>of before</small></p>
<p class="soft">${spread}${timings.length > 1 && '; the worst shape'}</p>
${intervalPlot({ value: ratio, interval, mark: 1, ...(limit !== undefined && { limit }), text: ratioText, label: `latency ratio ${ratioText(ratio)}, ${spread}` })}
${timings.length === 0 ? medians(speed) : html`${timings.slice(0, SHAPES_SHOWN).map(shapeTable)}<p class="soft">Line: 90 % of the runs; box: half of them; notch: the median.</p>`}
</section>`;
}

function shapeTable({ shapes, ratio, interval, rounds, before, after }: ShapeTiming): Markup {
  const most = Math.max(before.p95, after.p95);
  const row = (name: 'before' | 'after', times: typeof before) =>
    html`<tr><th scope="row">${name}</th><td>${spreadBar(times, most, name)}</td><td class="num">${millisecondsText(times.p50)}<small>${millisecondsText(times.p5)} – ${millisecondsText(times.p95)}</small></td></tr>`;
  return html`<table class="bars"><caption>${shortened(shapes, 200)}<small>${ratioText(ratio)} (${ratioText(interval[0])} to ${ratioText(interval[1])}), ${rounds} rounds in turns</small></caption><tbody>
${row('before', before)}${row('after', after)}
</tbody></table>`;
}

/** Of reports that kept no more than the medians. */
function medians({ before, after, rounds, shapes }: SpeedReport): Markup {
  const most = Math.max(before, after);
  return html`<table class="bars"><caption class="hidden">Time of one run</caption><tbody>
<tr><th scope="row">before</th><td>${singleBar(before, most, 'before')}</td><td class="num">${millisecondsText(before)}</td></tr>
<tr><th scope="row">after</th><td>${singleBar(after, most, 'after')}</td><td class="num">${millisecondsText(after)}</td></tr>
</tbody></table>
<p class="soft">${rounds} rounds, in turns; ${shortened(shapes, 200)}</p>`;
}
