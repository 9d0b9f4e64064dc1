/**
 * What the search for a budget rests on, shown on real models:
 *
 * - counts: multiply-accumulates and parameters equal those that onnx-tool and onnx count (skipped where there is no Python);
 * - latency: the cost model, on a profile of this machine, ranks variants as they are measured: Kendall's tau.
 *
 *   npm run bench:search
 *   npm run bench:search -- counts
 *
 * Writes bench/results/search.json. Exits with 1 when fewer than ten models are counted equally, one is counted differently, or tau is below 0.7.
 */

import { saveResults } from './results.ts';
import { countRows } from './search/counts.ts';
import { latencyRows, summarize } from './search/latencies.ts';

const LEAST_MODELS = 10;
const LEAST_TAU = 0.7;

const only = process.argv[2];
const counts = only === undefined || only === 'counts' ? await countRows() : undefined;
for (const row of counts ?? []) {
  console.log(
    `${row.model.padEnd(22)} MACs ${String(row.macs).padStart(10)}  parameters ${String(row.parameters).padStart(9)}  ${row.verdict}`,
  );
}
const equal = counts?.filter(({ verdict }) => verdict === 'equal').length ?? 0;
const different = counts?.filter(({ verdict }) => verdict.startsWith('differs')).length ?? 0;
if (counts) console.log(`${equal} models counted equally, ${different} differently`);

const latencies = only === undefined || only === 'latency' ? await latencyRows() : undefined;
for (const { variant, predicted, measured } of latencies?.rows ?? []) {
  console.log(
    `${variant.padEnd(34)} predicted ${predicted.toFixed(3).padStart(9)} ms   measured ${measured.toFixed(3).padStart(9)} ms   ${(predicted / measured).toFixed(2)}x`,
  );
}
const summary = latencies && summarize(latencies.rows);
if (summary) console.log(JSON.stringify(summary));

if (counts && latencies) saveResults('search', { counts, latency: { ...latencies, ...summary } });
const isCounted = !counts || counts.length === 0 || (equal >= LEAST_MODELS && different === 0);
process.exitCode = isCounted && (!summary || summary.tau >= LEAST_TAU) ? 0 : 1;
