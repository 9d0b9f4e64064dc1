import type { Report, WeightReport } from '../../core/report.ts';
import { bytesText, percentText } from '../../core/text/units.ts';
import { stackedBar } from '../charts/share-bars.ts';
import { baseName } from '../loader-line.ts';
import { html, type Markup, shortened } from '../markup.ts';

const KINDS = ['embedding', 'linear', 'conv', 'recurrent', 'other'] as const;

/** The whole in one look: which model, what it weighed, what it weighs, and of what. */
export function headerSection(report: Report): Markup {
  const { input, target, outcome, runtimes } = report;
  const after = bytesAfter(report);
  const runtime = runtimes.find(({ status }) => status === 'verified')?.name;
  return html`<header>
<p class="eyebrow"><span class="brand">tersor</span> for ${target}${runtime !== undefined && ` · ${runtime}`}</p>
<h1>${shortened(baseName(input.path), 120)}</h1>
${outcomeLine(outcome)}
<div class="hero">
<p><span class="number before-number">${bytesText(input.bytes)}</span>${after !== undefined && html` <span class="arrow" aria-label="to">→</span> <span class="number">${bytesText(after)}</span>`}</p>
${after !== undefined && html`<p class="sub">${percentText(after / input.bytes)} of the bytes${after > 0 && after < input.bytes && html`, <strong>${(input.bytes / after).toFixed(2)}x smaller</strong>`}</p>`}
</div>
${kindsFigure(report, after)}
</header>`;
}

/** Bytes of the result, made or planned; undefined where there is none. */
export function bytesAfter({ outcome, output, resultBytes }: Report): number | undefined {
  return outcome === 'nothing-to-gain' ? undefined : (output?.bytes ?? resultBytes);
}

/** @param what  was made smaller: the model, the models */
export function outcomeLine(outcome: Report['outcome'], what = 'The model is'): Markup | undefined {
  switch (outcome) {
    case 'compressed':
      return undefined;
    case 'nothing-to-gain':
      return html`<p class="banner warn"><strong>Nothing to gain.</strong> ${what} as small as tersor can make it within the promises.</p>`;
    case 'missed':
      return html`<p class="banner bad"><strong>A promise was missed.</strong></p>`;
    case 'planned':
      return html`<p class="banner warn"><strong>A plan.</strong> Nothing was computed, nothing was written.</p>`;
  }
}

function kindsFigure({ weights, input }: Report, after: number | undefined): Markup {
  const whole = Math.max(input.bytes, after ?? 0);
  const before = byKind(weights, input.bytes, ({ bytesBefore }) => bytesBefore);
  const now = after === undefined ? undefined : byKind(weights, after, (weight) => weight.bytesAfter);
  const shown = KINDS.filter((kind) => (before.get(kind) ?? 0) + (now?.get(kind) ?? 0) > 0);
  const bar = (name: string, bytes: ReadonlyMap<string, number>) =>
    html`<div class="bar-row"><span>${name}</span>${stackedBar(
      shown.map((kind) => ({ kind, amount: bytes.get(kind) ?? 0 })),
      whole,
    )}</div>`;
  return html`<figure class="kinds">
${bar('before', before)}${now && bar('after', now)}
<table class="legend"><caption class="hidden">Bytes by kind of layer</caption><thead><tr><th scope="col">kind</th><th scope="col" class="num">before</th>${now && html`<th scope="col" class="num">after</th>`}</tr></thead><tbody>
${shown.map((kind) => html`<tr><th scope="row"><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="${kind}" width="10" height="10" rx="2"/></svg>${kind}</th><td class="num">${bytesText(before.get(kind) ?? 0)}</td>${now && html`<td class="num">${bytesText(now.get(kind) ?? 0)}</td>`}</tr>`)}
</tbody></table></figure>`;
}

/** Small weights, the graph and what else is in the file are `other`. */
function byKind(weights: readonly WeightReport[], total: number, bytesOf: (weight: WeightReport) => number): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const weight of weights) if (weight.kind) sums.set(weight.kind, (sums.get(weight.kind) ?? 0) + bytesOf(weight));
  const known = [...sums.values()].reduce((sum, bytes) => sum + bytes, 0);
  return sums.set('other', Math.max(0, total - known));
}
