import type { Choice } from '../core/choice.ts';
import type { Sensitivity } from '../core/sensitivity.ts';
import { mostSensitive, type Ranked } from '../core/sensitivity-sums.ts';
import {
  allocationText,
  correlationText,
  lossText,
  measureText,
  reasonText,
  shortName,
  trustText,
  unreachedText,
} from '../core/text/sensitivity-text.ts';
import { bytesText, integerText, percentText } from '../core/text/units.ts';
import { lossMap, MOST_LAYERS } from './charts/loss-map.ts';
import { scatterPlot } from './charts/scatter-plot.ts';
import { singleBar } from './charts/share-bars.ts';
import { html, type Markup, shortened } from './markup.ts';
import { page } from './page.ts';

const LONGEST_NAME = 100;
const MOST_NOTES = 50;

/** What each layer of a model can bear, as one HTML page that needs nothing else. */
export function sensitivityPage(sensitivity: Sensitivity, name: string): string {
  const { notes } = sensitivity;
  const body = html`
${header(sensitivity, name)}
<div class="cards pairs">
${mapCard(sensitivity)}
${stepsCard(sensitivity)}
${plotCard(sensitivity)}
${predictorsCard(sensitivity)}
${layersCard(sensitivity)}
${notes.length > 0 && card('Notes', 'notes', html`<ul class="notes">${notes.slice(0, MOST_NOTES).map(({ about, message }) => html`<li>${shortened(about, LONGEST_NAME)}: ${shortened(message, 300)}</li>`)}</ul>`, true)}
</div>
<footer><p>Measured by <span class="brand">tersor</span> ${sensitivity.version}. A loss is ${measureText(sensitivity)}, when one layer alone is changed.</p></footer>`;
  return page(name, ': what its layers can bear', body);
}

function header(sensitivity: Sensitivity, name: string): Markup {
  const { inputs, layers, tried, complete, allocation } = sensitivity;
  const unreached = unreachedText(sensitivity);
  const isSynthetic = inputs.evidence === 'synthetic';
  return html`<header><p class="eyebrow"><span class="brand">tersor</span> sensitivity</p>
<h1>${name}</h1>
${!complete && html`<p class="banner warn">Ended before everything was measured: what is missing is left out.</p>`}
${unreached !== undefined && html`<p class="banner warn">${unreached}.</p>`}
${isSynthetic && html`<p class="banner warn">Measured on made-up inputs: indicated only. Name real ones with <code>--data</code>.</p>`}
<div class="hero"><p class="number">${layers.length} layers</p>
<p class="sub">each alone by ${tried.length} steps, on ${inputs.samples} samples of ${inputs.source}</p>
${allocation && html`<p class="soft">Chosen ${allocationText(allocation)}.</p>`}</div></header>`;
}

function card(title: string, id: string, body: Markup | undefined, wide = false): Markup | undefined {
  return (
    body &&
    html`<section class="card${wide && ' wide'}" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${body}</section>`
  );
}

function mapCard(sensitivity: Sensitivity): Markup | undefined {
  const title = sensitivity.layers.length > MOST_LAYERS ? `What the first ${MOST_LAYERS} layers lose` : 'What each layer loses';
  return card(title, 'map', lossMap(sensitivity), true);
}

function stepsCard({ tried }: Sensitivity): Markup | undefined {
  const most = tried.reduce((largest, { bytes }) => Math.max(largest, bytes), 0);
  return card(
    'Every layer by the same steps',
    'steps',
    html`<div class="scroll-x"><table class="steps"><thead><tr><th scope="col">steps</th><th scope="col">bytes</th><th scope="col" class="num">added up</th><th scope="col" class="num">together</th></tr></thead><tbody>${tried.map(
      ({ name, bytes, loss, together }) =>
        html`<tr><th scope="row">${shortName(name)}</th><td>${singleBar(bytes, most, 'after')}<small>${bytesText(bytes)}</small></td><td class="num">${loss === undefined ? '' : lossText(loss)}</td><td class="num">${together === undefined ? '' : lossText(together)}</td></tr>`,
    )}</tbody></table></div>
<p class="soft">Losses of single layers, added up, and what the model loses when all are changed at once.</p>`,
  );
}

function plotCard({ predictors: [best], layers }: Sensitivity): Markup | undefined {
  if (!best) return undefined;
  const pairs = layers.flatMap(({ candidates }) =>
    candidates.flatMap(({ loss, predicted }) => (loss === undefined ? [] : [[predicted[best.id] ?? 0, loss] as const])),
  );
  return card(
    'The best sign and the truth',
    'plot',
    scatterPlot(pairs, `Loss against ${best.id}, ${pairs.length} pairs of layer and steps`, [best.id, 'loss']),
  );
}

function predictorsCard(sensitivity: Sensitivity): Markup | undefined {
  const { predictors } = sensitivity;
  if (predictors.length === 0) return undefined;
  return card(
    'What would have told',
    'predictors',
    html`<p class="soft">Rank correlation of cheap signs with the loss that was measured: over all layers and steps with its 95 % interval, and over layers that took the same step.</p>
<div class="scroll-x"><table><thead><tr><th scope="col">predictor</th><th scope="col" class="num">all</th><th scope="col" class="num">within a step</th><th scope="col">what it is</th></tr></thead><tbody>${predictors.map(
      (predictor) =>
        html`<tr><th scope="row">${predictor.id}</th><td class="num">${correlationText(predictor)}</td><td class="num">${predictor.withinSteps?.toFixed(2) ?? ''}</td><td class="what">${predictor.summary}</td></tr>`,
    )}</tbody></table></div>
<p>${trustText(sensitivity)}.</p>`,
    true,
  );
}

function layersCard(sensitivity: Sensitivity): Markup | undefined {
  const { by, ranked } = mostSensitive(sensitivity);
  if (by === undefined) return undefined;
  const choices = new Map(sensitivity.allocation?.choices.map((choice) => [choice.id, choice]));
  const most = ranked[0]?.loss ?? 0;
  const hidden = ranked.length - MOST_LAYERS;
  return card(
    'Layers, the most sensitive first',
    'layers',
    html`<p class="soft">Loss by ${sensitivity.tried[by]?.name ?? ''}, and its share of what all layers lose by it.</p>
<div class="tools"><label>Search <input type="search" id="filter" autocomplete="off" spellcheck="false"></label><span id="found" aria-live="polite">${integerText(Math.min(ranked.length, MOST_LAYERS))} weights</span></div>
<div class="scroll" tabindex="0" role="region" aria-label="All layers"><table id="weights" class="reasons"><thead><tr><th scope="col">layer</th><th scope="col" aria-sort="descending" data-key="loss">loss</th><th scope="col" data-key="bytes">gets</th></tr></thead><tbody>
${ranked.slice(0, MOST_LAYERS).map((each) => layerRow(each, most, choices.get(each.layer.id)))}
</tbody></table></div>
${hidden > 0 && html`<p class="soft">and ${integerText(hidden)} that lose less: all are in <code>--json</code> and <code>--csv</code>.</p>`}`,
    true,
  );
}

function layerRow({ layer, loss, share }: Ranked, most: number, choice: Choice | undefined): Markup {
  const { id, kind, shape, bytes } = layer;
  return html`<tr data-loss="${loss}" data-bytes="${choice?.bytes ?? bytes}"><th scope="row">${shortened(id, LONGEST_NAME)}<small>${kind} · ${shape.slice(0, 8).join('×')} · ${bytesText(bytes)}</small></th><td>${singleBar(loss, most, 'error')}<small>${lossText(loss)} · ${percentText(share)}</small></td><td>${choice && html`${shortName(choice.name)}<small>${bytesText(choice.bytes)}${reasonText(choice) && `; ${reasonText(choice)}`}</small>`}</td></tr>
`;
}
