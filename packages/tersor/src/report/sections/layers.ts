import type { Choice } from '../../core/choice.ts';
import type { Report, WeightReport } from '../../core/report.ts';
import { reasonText } from '../../core/text/sensitivity-text.ts';
import { bytesText, integerText, percentText } from '../../core/text/units.ts';
import { pairOfBars, singleBar } from '../charts/share-bars.ts';
import { skyline } from '../charts/skyline.ts';
import { html, type Markup, shortened } from '../markup.ts';

/** Characters of all rows: a page stays below 400 kB, which is some 400 weights, and no browser labours. */
const MOST_TEXT = 280_000;
const LONGEST_NAME = 100;

/** Where the bytes were and are, what each weight lost, and why it got what it got: the largest first. */
export function layersSection({ weights, search }: Report): Markup | undefined {
  if (weights.length === 0) return undefined;
  const sorted = [...weights].sort((a, b) => Math.max(b.bytesBefore, b.bytesAfter) - Math.max(a.bytesBefore, a.bytesAfter));
  const mostBytes = sorted.reduce((most, { bytesBefore, bytesAfter }) => Math.max(most, bytesBefore, bytesAfter), 1);
  const mostError = sorted.reduce((most, { error = 0 }) => Math.max(most, error), 0);
  const choices = new Map(search?.choices?.map((choice) => [choice.id, choice]));
  const rows: Markup[] = [];
  for (let text = 0; rows.length < sorted.length; ) {
    const row = rowOf(sorted[rows.length]!, choices.get(sorted[rows.length]!.id), mostBytes, mostError);
    text += row.html.length;
    if (text > MOST_TEXT) break;
    rows.push(row);
  }
  const hidden = sorted.slice(rows.length);
  return html`<section class="card wide" aria-labelledby="layers"><h2 id="layers">Layers</h2>
<p class="soft">Bytes <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="before" width="10" height="10" rx="2"/></svg> before and <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="after" width="10" height="10" rx="2"/></svg> after; error is that of the weight itself, |w − w′| / |w|.${choices.size > 0 && ' Losses are what the outputs lose by one layer alone.'}</p>
${skyline(weights)}
<div class="tools"><label>Search <input type="search" id="filter" autocomplete="off" spellcheck="false"></label><span id="found" aria-live="polite">${integerText(rows.length)} weights</span></div>
<div class="scroll" tabindex="0" role="region" aria-label="All weights"><table id="weights"><caption class="hidden">Every weight, the largest first</caption><thead><tr><th scope="col">weight</th><th scope="col" aria-sort="descending" data-key="bytes">bytes</th><th scope="col" data-key="error">error</th></tr></thead><tbody>
${rows}
</tbody></table></div>
${hidden.length > 0 && html`<p class="soft">and ${integerText(hidden.length)} smaller ones, ${bytesText(total(hidden, 'bytesBefore'))} → ${bytesText(total(hidden, 'bytesAfter'))}: all are in the report as JSON (<code>--report report.json</code>).</p>`}
</section>`;
}

function rowOf(
  { id, kind, shape, before, after, bytesBefore, bytesAfter, error }: WeightReport,
  choice: Choice | undefined,
  mostBytes: number,
  mostError: number,
): Markup {
  const stored = before === after ? before : `${before} → ${after}`;
  const about = [kind, shape.length > 0 ? shape.slice(0, 8).join('×') : 'scalar', shortened(stored, 120)].filter(Boolean).join(' · ');
  const reason = choice && reasonText(choice);
  return html`<tr data-bytes="${Math.max(bytesBefore, bytesAfter)}" data-error="${error ?? -1}"><th scope="row">${shortened(id, LONGEST_NAME)}<small>${about}</small>${reason && html`<small>${reason}</small>`}</th><td>${pairOfBars(bytesBefore, bytesAfter, mostBytes)}<small>${bytesText(bytesBefore)}${bytesAfter !== bytesBefore && ` → ${bytesText(bytesAfter)}`}</small></td><td>${error !== undefined && html`${singleBar(error, mostError, 'error')}<small>${percentText(error)}</small>`}</td></tr>
`;
}

function total(weights: readonly WeightReport[], field: 'bytesBefore' | 'bytesAfter'): number {
  return weights.reduce((sum, weight) => sum + weight[field], 0);
}
