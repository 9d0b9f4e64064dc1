import type { Answer, LabelledQuality, Report, WorstSample } from '../../core/report.ts';
import { integerText, percentText, valueText } from '../../core/text/units.ts';
import { html, type Markup, shortened } from '../markup.ts';

const SHOWN = 20;
const CLASSES_SHOWN = 50;

/** Samples whose answers changed most and, where labels say what is right, what that did to right answers. */
export function worstSection({ quality }: Report): Markup | undefined {
  const { worst = [], labelled } = quality ?? {};
  if (worst.length === 0 && !labelled) return undefined;
  const isFlip = worst.some(({ changed }) => changed !== undefined);
  const hasLabels = worst.some(({ labels }) => labels);
  return html`<section class="card wide" aria-labelledby="worst"><h2 id="worst">Worst samples</h2>
${labelled && labelledPart(labelled)}
${
  worst.length > 0 &&
  html`<p class="soft">${isFlip ? 'Decisions that changed, those that the original was surest of first.' : 'Largest errors first, with the number that changed most.'}</p>
<div class="scroll-x" tabindex="0" role="region" aria-label="Worst samples"><table><thead><tr><th scope="col">sample</th><th scope="col">where</th><th scope="col">before</th><th scope="col">after</th><th scope="col" class="num">${isFlip ? 'changed' : 'error'}</th>${hasLabels && html`<th scope="col">right is</th>`}</tr></thead><tbody>
${worst.slice(0, SHOWN).map((sample) => html`<tr><th scope="row">${shortened(sample.id, 80)}</th><td>${place(sample)}</td><td>${answer(sample.before)}</td><td>${answer(sample.after)}</td><td class="num">${amount(sample)}</td>${hasLabels && html`<td>${shortened((sample.labels ?? []).join(', '), 60)}</td>`}</tr>`)}
</tbody></table></div>`
}
</section>`;
}

function labelledPart({ metric, samples, before, after, interval: [low, high], lost, won, classes }: LabelledQuality): Markup {
  const changed = classes.filter((delta) => delta.before !== delta.after);
  return html`<p>${metric} <strong>${valueText(before)} → ${valueText(after)}</strong> of ${integerText(samples)} labelled samples <span class="soft">(change, 95 %: ${percentText(low)} to ${percentText(high)})</span>: ${lost} right → wrong, ${won} wrong → right.</p>
${
  changed.length > 0 &&
  html`<details><summary>Labels whose share of right answers changed, ${changed.length}</summary><table><thead><tr><th scope="col">label</th><th scope="col" class="num">samples</th><th scope="col" class="num">before</th><th scope="col" class="num">after</th></tr></thead><tbody>
${changed.slice(0, CLASSES_SHOWN).map((delta) => html`<tr><th scope="row">${shortened(delta.label, 80)}</th><td class="num">${integerText(delta.samples)}</td><td class="num">${percentText(delta.before)}</td><td class="num">${percentText(delta.after)}</td></tr>`)}
</tbody></table></details>`
}`;
}

function answer({ value, class: id, name }: Answer): string {
  if (id === undefined) return String(Number(value.toPrecision(4)));
  return `${id}${name === undefined ? '' : ` ${name.slice(0, 60)}`}, ${percentText(value)}`;
}

function place({ step, at, output }: WorstSample): string {
  return [output.slice(0, 60), step !== undefined && `step ${step}`, at.some((index) => index > 0) && `[${at.join(', ')}]`]
    .filter(Boolean)
    .join(' ');
}

function amount({ changed, decisions, error = 0 }: WorstSample): string {
  return changed === undefined ? percentText(error) : `${integerText(changed)} of ${integerText(decisions)}`;
}
