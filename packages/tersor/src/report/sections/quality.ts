import type { DivergenceReport, OutputQuality, Report } from '../../core/report.ts';
import { divergenceText, repairText } from '../../core/text/divergence-text.ts';
import { calibrationText, subsetsText } from '../../core/text/subsets-text.ts';
import { integerText, percentText, valueText } from '../../core/text/units.ts';
import { intervalPlot } from '../charts/interval-plot.ts';
import { html, type Markup, shortened } from '../markup.ts';

const OUTPUTS_SHOWN = 100;

/** How alike the answers are, how sure that is, and what stands behind it. */
export function qualitySection({ quality, conditions, calibration, divergence, repairs = [] }: Report): Markup | undefined {
  if (!quality) return undefined;
  const { metric, value, drop, interval, evidence, samples, decisions, source, outputs, subsets } = quality;
  const limit = conditions?.budget.drop;
  const spread = `95 %: ${percentText(interval[0])} to ${percentText(interval[1])}`;
  return html`<section class="card" aria-labelledby="quality"><h2 id="quality">Quality</h2>
${
  evidence === 'synthetic'
    ? html`<p class="badge warn"><strong>INDICATED</strong> on made-up inputs: only real data prove it (<code>--data</code>)</p>`
    : html`<p class="badge good"><strong>MEASURED</strong> on data</p>`
}
<p class="big">${valueText(value)} <small>${metric}</small></p>
<p>Drop <strong>${percentText(drop)}</strong> <span class="soft">(${spread})</span></p>
${intervalPlot({ value: drop, interval, mark: 0, ...(limit !== undefined && { limit }), text: percentText, label: `drop ${percentText(drop)}, ${spread}` })}
<p class="soft">${samples} samples, ${integerText(decisions)} decisions, ${shortened(source, 200)}</p>
${subsets && html`<p class="soft">${subsetsText(subsets)}</p>`}
${calibration && html`<p class="soft">${calibrationText(calibration)}</p>`}
${divergence && divergenceNote(divergence)}
${repairs.map((repair) => html`<p class="badge good"><strong>REPAIRED</strong> ${shortened(repairText(repair), 400)}</p>`)}
${outputsTable(outputs)}
</section>`;
}

function divergenceNote(divergence: DivergenceReport): Markup {
  const [what, against] = divergenceText(divergence);
  return html`<p class="banner bad"><strong>WRONG</strong> ${shortened(what, 300)}<br><small>${shortened(against, 300)}</small></p>`;
}

function outputsTable(outputs: readonly OutputQuality[]): Markup | undefined {
  if (outputs.length === 0) return undefined;
  const hidden = outputs.length - OUTPUTS_SHOWN;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label="Outputs"><table><caption class="hidden">Every output</caption><thead><tr><th scope="col">output</th><th scope="col" class="num">value</th><th scope="col" class="num">cosine</th><th scope="col" class="num">SQNR</th></tr></thead><tbody>
${outputs
  .slice(0, OUTPUTS_SHOWN)
  .map(
    (output) =>
      html`<tr><th scope="row">${shortened(output.name, 60)}<br><small>${output.kind === 'state' ? 'state, not judged' : output.metric}</small></th><td class="num">${valueText(output.value)}</td><td class="num">${valueText(output.cosine)}</td><td class="num">${output.sqnr.toFixed(1)} dB</td></tr>`,
  )}
</tbody></table></div>${hidden > 0 && html`<p class="soft">and ${hidden} more</p>`}`;
}
