/**
 * What the search for a budget rests on, shown on real models:
 *
 * - counts: multiply-accumulates and parameters equal those that onnx-tool and onnx count (skipped where there is no Python);
 * - latency: the cost model, on a profile of this machine, ranks variants as they are measured: Kendall's tau.
 * - exhaustive: allocations of up to ten layers are as small as the best of all combinations;
 * - sensitivity: how far cheap predictors put layers and steps in the order of what is lost, on four models; what ranking layers by samples saves; and how
 *   many bytes fewer the best allocation takes than the best setting that is the same for every layer, where both keep a drop of 1 %.
 * - observe: time and memory of observing MiniLM, beside the calibrators of Python's onnxruntime.
 *
 *   npm run bench:search
 *   npm run bench:search -- counts
 *   npm run bench:search -- sensitivity minilm
 *
 * Keeps each part in bench/results/search.json. Exits with 1 when fewer than ten models are counted equally, one is counted differently, tau is below 0.7, an
 * allocation is not the best one, no predictor of a model reaches 0.8, less than 15 % of the bytes are saved, or
 * observing takes more than it should (`missedBy`).
 */

import { savePartResults } from './results.ts';
import { countRows } from './search/counts.ts';
import { exhaustiveRows } from './search/exhaustive.ts';
import { latencyRows, summarize } from './search/latencies.ts';
import { missedBy, observationRows } from './search/observations.ts';
import { type SensitivityRow, sensitivityRows } from './search/sensitivities.ts';

const LEAST_MODELS = 10;
const LEAST_TAU = 0.7;
const LEAST_CORRELATION = 0.8;
const LEAST_SAVED = 0.15;

const [part, model] = process.argv.slice(2);
const PARTS: Readonly<Record<string, () => Promise<boolean>>> = { counts, latency, exhaustive, sensitivity, observe };
if (part !== undefined && !PARTS[part]) {
  console.error(`no part ${part}: there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
let isShown = true;
for (const [name, show] of Object.entries(PARTS)) if (part === undefined || part === name) isShown = (await show()) && isShown;
process.exitCode = isShown ? 0 : 1;

async function counts(): Promise<boolean> {
  const rows = await countRows();
  for (const row of rows) {
    const [macs, parameters] = [String(row.macs).padStart(10), String(row.parameters).padStart(9)];
    console.log(`${row.model.padEnd(22)} MACs ${macs}  parameters ${parameters}  ${row.verdict}`);
  }
  const equal = rows.filter(({ verdict }) => verdict === 'equal').length;
  const different = rows.filter(({ verdict }) => verdict.startsWith('differs')).length;
  console.log(`${equal} models counted equally, ${different} differently`);
  savePartResults('search', 'counts', rows);
  return rows.length === 0 || (equal >= LEAST_MODELS && different === 0);
}

async function latency(): Promise<boolean> {
  const found = await latencyRows();
  for (const { variant, predicted, measured } of found.rows) {
    const [a, b] = [predicted, measured].map((ms) => ms.toFixed(3).padStart(9));
    console.log(`${variant.padEnd(34)} predicted ${a} ms   measured ${b} ms   ${(predicted / measured).toFixed(2)}x`);
  }
  const summary = summarize(found.rows);
  console.log(JSON.stringify(summary));
  savePartResults('search', 'latency', { ...found, ...summary });
  return summary.tau >= LEAST_TAU;
}

async function exhaustive(): Promise<boolean> {
  const rows = await exhaustiveRows();
  for (const { layers, problems, equal } of rows)
    console.log(`${layers} layers: ${equal} of ${problems} allocations are the best there is`);
  savePartResults('search', 'exhaustive', rows);
  return rows.every(({ problems, equal }) => equal === problems);
}

async function sensitivity(): Promise<boolean> {
  let isGood = true;
  for await (const row of sensitivityRows(model)) {
    show(row);
    savePartResults('search', `sensitivity ${row.model}`, row);
    const [best] = row.predictors;
    isGood &&= (best?.correlation ?? 0) >= LEAST_CORRELATION && (row.equalQuality?.saved ?? 1) >= LEAST_SAVED;
  }
  return isGood;
}

async function observe(): Promise<boolean> {
  const { times, memory, versions } = await observationRows();
  const missed = missedBy({ times, memory, versions });
  for (const line of missed) console.log(`missed: ${line}`);
  savePartResults('search', 'observe', { times, memory }, versions);
  return missed.length === 0;
}

function show({ model, layers, predictors, sampling, equalQuality }: SensitivityRow): void {
  console.log(`${model}: ${layers} layers`);
  for (const { id, correlation = Number.NaN, withinSteps = Number.NaN } of predictors)
    console.log(`  ${id.padEnd(16)} Spearman ${correlation.toFixed(3).padStart(6)}   within a step ${withinSteps.toFixed(3).padStart(6)}`);
  for (const { loss, measured, bytesRatio } of sampling)
    console.log(
      `  ranked by samples for a loss of ${loss}: ${measured[1]} of ${measured[0]} measured, ${bytesRatio.toFixed(4)}x the bytes`,
    );
  if (!equalQuality) return;
  const { uniform, allocation, saved, alike } = equalQuality;
  const line = ({ bytes, loss, drop }: typeof allocation) => `${bytes} bytes, loss ${loss.toPrecision(3)}, drop ${drop.toPrecision(3)}`;
  console.log(`  ${uniform.name} everywhere: ${line(uniform)}`);
  console.log(`  allocated, the same promise: ${line(allocation)}: ${(100 * saved).toFixed(1)} % fewer`);
  if (alike) console.log(`  allocated, no more loss:     ${line(alike)}`);
}
