import type { Cost, OperatorCost } from '../core/cost.ts';
import { byOperator } from '../core/cost-sums.ts';
import { bytesText, countText, energyText, integerText, millisecondsText, percentText } from '../core/text/units.ts';
import { areaPlot } from './charts/area-plot.ts';
import { singleBar } from './charts/share-bars.ts';
import { html, type Markup, shortened } from './markup.ts';
import { page } from './page.ts';

const LONGEST_NAME = 100;
/** A page stays below half a megabyte. */
const MOST_OPERATORS = 400;
const MOST_NOTES = 50;

/** What a model costs, as one HTML page that needs nothing else, no network, and no trust in the names that a model gives its parts. */
export function costPage(cost: Cost, name: string): string {
  const body = html`
${header(cost, name)}
<div class="cards">
${memoryCard(cost)}
${cost.latency && latencyCard(cost.latency)}
${countsCard(cost)}
${memoryOverTime(cost)}
${kindsCard(cost)}
${operatorsCard(cost)}
${cost.notes.length > 0 && notesCard(cost.notes)}
</div>
<footer><p>Counted from shapes by <span class="brand">tersor</span>. Multiply-accumulates are those of products, convolutions, recurrences and attention; memory is what operators hold, without the runtime's own.</p></footer>`;
  return page(name, ': what it costs', body, { scripted: false });
}

function header({ macs, memory, latency, inputs }: Cost, name: string): Markup {
  const shapes = inputs.map((input) => html`${input.name} [${input.shape.join(', ')}]${input.from === 'guessed' && ' (guessed)'} `);
  return html`<header><p class="eyebrow"><span class="brand">tersor</span> cost of one run</p>
<h1>${name}</h1>
<div class="hero"><p class="number">${latency ? millisecondsText(latency.ms) : `${countText(macs)} MACs`}</p>
<p class="sub">${latency && html`predicted for <strong>${latency.device}</strong> (${latency.basis}) · ${countText(macs)} MACs · `}${bytesText(memory.weightBytes + memory.peakBytes)} of memory at most</p>
<p class="soft">${shapes}</p></div></header>`;
}

function card(title: string, id: string, body: Markup, wide = false): Markup {
  return html`<section class="card${wide && ' wide'}" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${body}</section>`;
}

function memoryCard({ memory, cache }: Cost): Markup {
  const { weightBytes, storedBytes, peakBytes, peakAt, alive } = memory;
  const most = Math.max(weightBytes, peakBytes, storedBytes);
  const rows = [
    ['weights in the file', storedBytes],
    ['weights in memory', weightBytes],
    ['activations at most', peakBytes],
  ] as const;
  return card(
    'Memory',
    'memory',
    html`<p class="big">${bytesText(weightBytes + peakBytes)}</p>
<table class="bars"><tbody>${rows.map(([label, bytes]) => html`<tr><th scope="row">${label}</th><td>${singleBar(bytes, most, 'after')}</td><td class="num">${bytesText(bytes)}</td></tr>`)}</tbody></table>
${peakAt !== undefined && html`<p class="soft">Activations are at their highest at <code>${shortened(peakAt, LONGEST_NAME)}</code>: ${alive.slice(0, 4).map(({ name, bytes }) => html`<br>${shortened(name, 60)} ${bytesText(bytes)}`)}</p>`}
${cache && html`<p class="soft">Keys and values: ${bytesText(cache.bytesPerToken)} a token, ${bytesText(cache.bytes)} after this run.</p>`}`,
  );
}

function latencyCard({ share, energy }: NonNullable<Cost['latency']>): Markup {
  return card(
    'What it waits for',
    'latency',
    html`<table class="bars"><tbody>${Object.entries(share).map(([bound, part]) => html`<tr><th scope="row">${bound}</th><td>${singleBar(part, 1, 'linear')}</td><td class="num">${percentText(part)}</td></tr>`)}</tbody></table>
<p class="soft">A roofline: each operator takes as long as the slower one of its arithmetic and its bytes, and what starting it costs.</p>
<p class="soft">Energy, an estimate: ${energyText(energy.millijoules)} for arithmetic and bytes alone (${energy.source}).</p>`,
  );
}

function countsCard({ macs, operations, parameters, operators, memory }: Cost): Markup {
  const rows = [
    ['multiply-accumulates', integerText(macs)],
    ['other operations', integerText(operations)],
    ['parameters', integerText(parameters)],
    ['operators', integerText(operators.length)],
    ['bytes that operators write', bytesText(memory.activationBytes)],
  ] as const;
  return card(
    'Counts',
    'counts',
    html`<table><tbody>${rows.map(([label, value]) => html`<tr><th scope="row">${label}</th><td class="num">${value}</td></tr>`)}</tbody></table>`,
  );
}

function memoryOverTime({ operators }: Cost): Markup | undefined {
  if (operators.length < 2) return undefined;
  const plot = areaPlot(
    operators.map(({ liveBytes }) => liveBytes),
    bytesText,
  );
  return card('Activations in memory, from the first operator to the last', 'live', html`<div class="scroll-x">${plot}</div>`, true);
}

function kindsCard({ operators, latency }: Cost): Markup {
  const rows = byOperator(operators).slice(0, 40);
  const price = (row: (typeof rows)[number]) => (latency ? row.ms : row.macs);
  const most = rows.reduce((largest, row) => Math.max(largest, price(row)), 0);
  return card(
    'By kind of operator',
    'kinds',
    html`<div class="scroll-x"><table class="kinds"><thead><tr><th scope="col">operator</th><th scope="col" class="num">count</th><th scope="col" class="num">MACs</th><th scope="col" class="num">weights</th><th scope="col" class="num">moved</th>${latency && html`<th scope="col" class="num">time</th>`}<th scope="col"><span class="hidden">share</span></th></tr></thead><tbody>${rows.map(
      (row) =>
        html`<tr><th scope="row">${row.op}</th><td class="num">${row.count}</td><td class="num">${row.macs > 0 && countText(row.macs)}</td><td class="num">${row.weightBytes > 0 && bytesText(row.weightBytes)}</td><td class="num">${bytesText(row.movedBytes)}</td>${latency && html`<td class="num">${millisecondsText(row.ms)}</td>`}<td class="share">${singleBar(price(row), most, 'conv')}</td></tr>`,
    )}</tbody></table></div>`,
    true,
  );
}

function operatorsCard({ operators, latency }: Cost): Markup {
  const price = ({ time, macs }: OperatorCost) => (latency ? (time?.ms ?? 0) : macs);
  const sorted = [...operators].sort((a, b) => price(b) - price(a));
  const most = sorted.reduce((largest, each) => Math.max(largest, price(each)), 0);
  const shown = sorted.slice(0, MOST_OPERATORS);
  return card(
    'Operators, the dearest first',
    'operators',
    html`<div class="scroll" tabindex="0" role="region" aria-label="All operators"><table id="weights"><thead><tr><th scope="col">operator</th><th scope="col">${latency ? 'time' : 'MACs'}</th><th scope="col">memory</th></tr></thead><tbody>${shown.map(
      (each) =>
        html`<tr><th scope="row">${shortened(each.name, LONGEST_NAME)}<small>${[each.op, each.arithmetic, each.shape?.slice(0, 8).join('×') ?? 'unknown shape', each.fused ? 'fused' : '', each.runs === 1 ? '' : `${each.runs} times`].filter(Boolean).join(' · ')}</small></th><td>${singleBar(price(each), most, 'linear')}<small>${latency ? `${millisecondsText(each.time?.ms ?? 0)}${each.time ? `, ${each.time.bound}` : ''} · ` : ''}${countText(each.macs)} MACs</small></td><td><small>${bytesText(each.weightBytes)} weights, ${bytesText(each.liveBytes)} alive</small></td></tr>`,
    )}</tbody></table></div>
${sorted.length > shown.length && html`<p class="soft">and ${integerText(sorted.length - shown.length)} more: all are in <code>--report cost.json</code>.</p>`}`,
    true,
  );
}

function notesCard(notes: readonly string[]): Markup {
  const more = notes.length - MOST_NOTES;
  return card(
    'What is not known, or taken for granted',
    'notes',
    html`<ul class="notes">${notes.slice(0, MOST_NOTES).map((note) => html`<li>${shortened(note, 300)}</li>`)}</ul>${more > 0 && html`<p class="soft">and ${more} more</p>`}`,
    true,
  );
}
