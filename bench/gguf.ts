/**
 * GGUF mixes beside llama.cpp's own quantizer with two threads and the same importances: `npm run bench:gguf`, after a build.
 *
 *   npm run bench:gguf                          the small language model of the fixtures, every mix
 *   npm run bench:gguf -- --types Q2_K,IQ4_XS   some of them
 *   npm run bench:gguf -- --model smollm2       SmolLM2-135M, most of whose rows are 576 values
 *
 * Each mix is made by llama.cpp and by tersor with `search` reference and best, without importances and with those of a text that no judgement is made
 * on. Errors are of all weights that were rounded. Perplexity and divergence come from llama.cpp. Times are of 16 M random values that all get the mix's own
 * type, each in a process of its own, the best of several calls.
 * Writes bench/results/gguf.json. Exits with 1 when a goal is missed: see GOALS.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { convert } from '../packages/tersor/src/convert.ts';
import { gguf } from '../packages/tersor/src/formats/gguf/gguf.ts';
import { openNodeStore } from '../packages/tersor/src/io/node-store.ts';
import { fileTypeOf, MIX_IDS, type MixId } from '../packages/tersor/src/methods/ggml-mixes.ts';
import { type Errors, openErrors } from './gguf/errors.ts';
import { llamaLibraries } from './gguf/llama-libraries.ts';
import { smolLm2 } from './gguf/smollm2.ts';
import { timedModel } from './gguf/timed-model.ts';
import { pythonWith } from './peers/venv.ts';
import { savePartResults } from './results.ts';

const THREADS = '2';
/** Against llama.cpp: processor seconds of K- and I-types, errors, perplexity. */
const GOALS = { reference: 0.5, best: 1, error: 1, fewBits: 0.98, perplexity: 1.001 };
const FEW_BITS = /^(Q[23]_K|IQ[23])/;

interface Figures extends Errors {
  readonly bytes: number;
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly memory: number;
  perplexity?: number;
  divergence?: number;
}

interface Row {
  readonly type: MixId;
  readonly imatrix: boolean;
  /** Absent where llama.cpp refuses: some types need importances. */
  readonly llama?: Figures;
  readonly reference: Figures;
  readonly best: Figures;
}

const { values: flags } = parseArgs({
  options: { types: { type: 'string' }, model: { type: 'string', default: 'lm' }, rounds: { type: 'string' } },
});
const fixtures = process.env.TERSOR_FIXTURES ?? fileURLToPath(new URL('../../shared/fixtures', import.meta.url));
const libraries = llamaLibraries();
const python = libraries && pythonWith(['numpy==2.4.6']);
if (!libraries || !python || !existsSync(fixtures)) {
  console.log(existsSync(fixtures) ? 'skipped: no Python, or no llama.cpp' : `skipped: ${fixtures} is missing; see docs/benches.md`);
  process.exit(0);
}
const texts = ['sotu', 'moby', 'kjv'].map((name) => join(fixtures, `data/text/test-${name}.txt`));
const SETTINGS = {
  lm: { types: MIX_IDS.filter((id) => !['F32', 'F16', 'BF16', 'MXFP4_MOE'].includes(id)), open: smallModel },
  smollm2: { types: ['Q2_K', 'Q3_K_M', 'Q4_K_M', 'Q6_K', 'IQ4_XS'] as const, open: async () => smolLm2() },
};
const isSmol = flags.model === 'smollm2';
const setting = isSmol ? SETTINGS.smollm2 : SETTINGS.lm;
const folder = mkdtempSync(join(tmpdir(), 'tersor-gguf-'));
const original = (await setting.open()) ?? skip('SmolLM2 cannot be had');
const importances = join(folder, 'imatrix.dat');
llama('imatrix', original, importances, isSmol ? '8' : '64', join(fixtures, 'data/text/calib.txt'));
const errors = await openErrors(original, importances);
const timed = await timedModel(folder, await gguf.open(openNodeStore(dirname(original)), basename(original)));
const rounds = Number(flags.rounds ?? 2);
const asked = flags.types?.split(',');
const types = setting.types.filter((type) => !asked || asked.includes(type));
const rows: Row[] = [];
for (const type of types) {
  const made = [await measure(type, false), await measure(type, true)];
  savePartResults('gguf', `${flags.model} ${type}`, made, { 'node-llama-cpp': libraries.version, threads: THREADS });
  rows.push(...made);
}
rmSync(folder, { recursive: true, force: true });
const missed = rows.flatMap(misses);
console.log(missed.length === 0 ? '\nevery goal met' : `\nmissed:\n${missed.join('\n')}`);
process.exitCode = missed.length === 0 ? 0 : 1;

function skip(why: string): never {
  console.log(`skipped: ${why}`);
  process.exit(0);
}

/** As 32-bit floats. */
async function smallModel(): Promise<string> {
  const path = join(folder, 'lm.gguf');
  await convert(join(fixtures, 'models/lm/model.safetensors'), { output: path });
  return path;
}

async function measure(type: MixId, imatrix: boolean): Promise<Row> {
  const path = (name: string) => join(folder, `${name}.gguf`);
  const theirs = await makeTheirs(type, imatrix, path('llama'));
  const row: Row = {
    type,
    imatrix,
    ...(theirs && { llama: theirs }),
    reference: await makeOurs({ type, search: 'reference' }, imatrix, path('reference')),
    best: await makeOurs({ type, search: 'best' }, imatrix, path('best')),
  };
  const names = ['llama', 'reference', 'best'].slice(theirs ? 0 : 1);
  const [, ...judged] = llama('evaluate', texts.join(','), isSmol ? '3' : '9', original, ...names.map(path));
  for (const [i, side] of [...(theirs ? [theirs] : []), row.reference, row.best].entries()) Object.assign(side, judged[i]);
  for (const name of names) rmSync(path(name), { force: true });
  console.log(line(row));
  return row;
}

async function makeTheirs(type: MixId, imatrix: boolean, to: string): Promise<Figures | undefined> {
  const quantize = (model: string, count: number, counts: string) =>
    llama('quantize', model, to, String(fileTypeOf(type)), THREADS, String(count), ...(imatrix ? [counts] : []));
  const times = quantize(timed.model, rounds, timed.imatrix);
  return 'error' in times || 'error' in quantize(original, 1, importances) ? undefined : figures(to, times);
}

async function makeOurs(step: object, imatrix: boolean, to: string): Promise<Figures> {
  const quantize = (model: string, count: number, counts: string) => {
    const script = fileURLToPath(new URL('gguf/quantize.mjs', import.meta.url));
    const asked = JSON.stringify({ ...step, ...(imatrix && { imatrix: counts }) });
    return execFileSync('node', [script, model, to, asked, THREADS, String(count)], { encoding: 'utf8' });
  };
  const times = JSON.parse(quantize(timed.model, rounds, timed.imatrix));
  quantize(original, 1, importances);
  return figures(to, times);
}

async function figures(path: string, run: Pick<Figures, 'seconds' | 'processorSeconds' | 'memory'>): Promise<Figures> {
  return { bytes: statSync(path).size, ...run, ...(await errors(path)) };
}

function llama(...args: string[]) {
  const script = fileURLToPath(new URL('peers/llama-cpp.py', import.meta.url));
  return JSON.parse(execFileSync(python ?? '', [script, libraries?.folder ?? '', ...args], { encoding: 'utf8', maxBuffer: 1e8 }));
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  return ours === undefined || theirs === undefined ? '    -' : (ours / theirs).toFixed(3);
}

function line({ type, imatrix, llama: peer, reference, best }: Row): string {
  const name = `${type}${imatrix ? ' + imatrix' : ''}`.padEnd(19);
  const side = (label: string, figures: Figures) => {
    const error = imatrix ? 'weightedError' : 'error';
    const parts = [
      `bytes ${ratio(figures.bytes, peer?.bytes)}`,
      `error ${figures[error].toFixed(4)} (${ratio(figures[error], peer?.[error])})`,
      `processor s ${figures.processorSeconds.toFixed(2)} (${ratio(figures.processorSeconds, peer?.processorSeconds)})`,
      `ppl ${figures.perplexity?.toFixed(2)} (${ratio(figures.perplexity, peer?.perplexity)})`,
      `KL ${figures.divergence?.toFixed(4)} (${ratio(figures.divergence, peer?.divergence)})`,
    ];
    return `${name} ${label.padEnd(9)} ${parts.join('  ')}`;
  };
  return [side('reference', reference), side('best', best)].join('\n');
}

/** What goals a row misses. Where rows are short, types differ and nothing can be compared. */
function misses({ type, imatrix, llama: peer, reference, best }: Row): string[] {
  if (!peer || Math.abs(best.bytes / peer.bytes - 1) > 0.005) return [];
  const error = imatrix ? 'weightedError' : 'error';
  const isSearched = type.includes('_K') || type.startsWith('IQ');
  const checks: (readonly [what: string, value: number, most: number])[] = [
    ['error of best', best[error] / peer[error], FEW_BITS.test(type) ? GOALS.fewBits : GOALS.error],
    ['perplexity of best', (best.perplexity ?? 0) / (peer.perplexity ?? 1), GOALS.perplexity],
    ...(isSearched
      ? [
          ['seconds of reference', reference.processorSeconds / peer.processorSeconds, GOALS.reference] as const,
          ['seconds of best', best.processorSeconds / peer.processorSeconds, GOALS.best] as const,
        ]
      : []),
  ];
  return checks.flatMap(([what, value, most]) =>
    value > most ? [`  ${type}${imatrix ? ' + imatrix' : ''}: ${what} ${value.toFixed(3)}, at most ${most}`] : [],
  );
}
