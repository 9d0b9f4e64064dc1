/**
 * GGUF mixes beside llama.cpp's own quantizer with two threads and the same importances: `npm run bench:gguf`, after a build.
 *
 *   npm run bench:gguf                          the small language model of the fixtures, every mix
 *   npm run bench:gguf -- --types Q2_K,IQ4_XS   some of them
 *   npm run bench:gguf -- --model smollm2       SmolLM2-135M, most of whose rows are 576 values
 *
 * Each mix is made by llama.cpp and by tersor with `search` reference and best, without importances and with those of a text that no judgement is made
 * on. Errors are of all weights that were rounded, and of those that have the mix's own type. Losses and divergences come from llama.cpp, window by window:
 * ratios have the standard error of paired windows. Times are of random values that all get the mix's own type, each in a process of its own, the best of
 * several calls. What was measured is kept by content in .cache/bench, so a run that was stopped goes on where it was.
 * Writes bench/results/gguf.json. Exits with 1 when a goal is missed: see GOALS.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { convert } from '../packages/tersor/src/convert.ts';
import { gguf } from '../packages/tersor/src/formats/gguf/gguf.ts';
import { openNodeStore } from '../packages/tersor/src/io/node-store.ts';
import { fileTypeOf, MIX_IDS, type MixId, baseOf as ownType } from '../packages/tersor/src/methods/ggml-mixes.ts';
import { cached, digestOf, digestOfSources, remember } from './cache.ts';
import { type Errors, openErrors } from './gguf/errors.ts';
import { llamaLibraries } from './gguf/llama-libraries.ts';
import { type Estimate, type Judged, perplexityRatio, ratioOfMeans } from './gguf/quality.ts';
import { smolLm2 } from './gguf/smollm2.ts';
import { timedModel } from './gguf/timed-model.ts';
import { pythonWith } from './peers/venv.ts';
import { savePartResults } from './results.ts';

const THREADS = '2';
/** Against llama.cpp: processor seconds of K- and I-types, errors, perplexity. */
const GOALS = { reference: 0.5, best: 1, error: 1, fewBits: 0.98, perplexity: 1.001 };
const ERRORS = ['error', 'weightedError', 'ownError', 'ownWeightedError'] as const;
const FEW_BITS = /^(Q[23]_K|IQ[23])/;

interface Figures extends Errors {
  readonly bytes: number;
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly memory: number;
  readonly perplexity: number;
  readonly divergence: number;
  readonly agreement: number;
}

interface Side {
  readonly figures: Figures;
  readonly judged: Judged;
}

/** Beside llama.cpp, with standard errors. */
interface Ratios {
  readonly perplexity: Estimate;
  readonly divergence: Estimate;
}

interface Ours extends Figures {
  /** Absent where llama.cpp refuses. */
  readonly ratios?: Ratios;
}

interface Row {
  readonly type: MixId;
  readonly imatrix: boolean;
  /** Absent where llama.cpp refuses: some types need importances. */
  readonly llama?: Figures;
  readonly reference: Ours;
  readonly best: Ours;
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
const types = MIX_IDS.filter((id) => !['F32', 'F16', 'BF16'].includes(id));
const SETTINGS = {
  lm: { windows: '90', calibration: '64', open: smallModel },
  smollm2: { windows: '9', calibration: '8', open: async () => smolLm2() },
};
const setting = flags.model === 'smollm2' ? SETTINGS.smollm2 : SETTINGS.lm;
const folder = mkdtempSync(join(tmpdir(), 'tersor-gguf-'));
const original = (await setting.open()) ?? skip('SmolLM2 cannot be had');
const calibration = join(fixtures, 'data/text/calib.txt');
const originalDigest = digestOf(readFileSync(original), libraries.version);
const importances = cached(`gguf-${digestOf(originalDigest, setting.calibration, readFileSync(calibration))}.dat`);
if (!existsSync(importances)) {
  llama('imatrix', original, `${importances}.new`, setting.calibration, calibration);
  renameSync(`${importances}.new`, importances);
}
const key = digestOf(originalDigest, readFileSync(importances));
const sources = digestOfSources(new URL('../packages/tersor/dist/bundle/', import.meta.url));
const measureErrors = await openErrors(original, importances);
const facts = await gguf.open(openNodeStore(dirname(original)), basename(original));
/** What takes long is measured once. */
const roundsOf = (type: MixId) => Number(flags.rounds ?? (type.startsWith('IQ') ? 1 : 2));
const asked = flags.types?.split(',');
const rows: Row[] = [];
for (const type of types.filter((type) => !asked || asked.includes(type))) {
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
  const sides = [String(type), String(imatrix), String(roundsOf(type)), key];
  const peer = await remember(digestOf('llama.cpp', ...sides), () => makeTheirs(type, imatrix));
  const theirs = 'figures' in peer ? peer : undefined;
  const make = async (search: 'reference' | 'best'): Promise<Ours> => {
    const { figures, judged } = await remember(digestOf(search, sources, ...sides), () => makeOurs({ type, search }, imatrix));
    if (!theirs) return figures;
    return {
      ...figures,
      ratios: {
        perplexity: perplexityRatio(judged.losses, theirs.judged.losses),
        divergence: ratioOfMeans(judged.divergences, theirs.judged.divergences),
      },
    };
  };
  const row = { type, imatrix, ...(theirs && { llama: theirs.figures }), reference: await make('reference'), best: await make('best') };
  console.log(line(row));
  return row;
}

type Times = Pick<Figures, 'seconds' | 'processorSeconds' | 'memory'>;

async function makeTheirs(type: MixId, imatrix: boolean): Promise<Side | { readonly refused: true }> {
  const path = join(folder, 'llama.gguf');
  const quantize = (model: string, count: number, counts: string) =>
    llama('quantize', model, path, String(fileTypeOf(type)), THREADS, String(count), ...(imatrix ? [counts] : []));
  if ('error' in quantize(original, 1, importances)) return { refused: true };
  return side(path, type, async () => {
    const { model, imatrix: counts } = await timed(type);
    return quantize(model, roundsOf(type), counts);
  });
}

async function makeOurs(step: { readonly type: MixId; readonly search: string }, imatrix: boolean): Promise<Side> {
  const path = join(folder, `${step.search}.gguf`);
  const quantize = (model: string, count: number, counts: string) => {
    const script = fileURLToPath(new URL('gguf/quantize.mjs', import.meta.url));
    const asked = JSON.stringify({ ...step, ...(imatrix && { imatrix: counts }) });
    return JSON.parse(execFileSync('node', [script, model, path, asked, THREADS, String(count)], { encoding: 'utf8' }));
  };
  quantize(original, 1, importances);
  return side(path, step.type, async () => {
    const { model, imatrix: counts } = await timed(step.type);
    return quantize(model, roundsOf(step.type), counts);
  });
}

/** Judges the file, and takes times, which overwrite it. */
async function side(path: string, type: MixId, takeTimes: () => Promise<Times>): Promise<Side> {
  const bytes = statSync(path).size;
  const { digest, ...errors } = await measureErrors(path, ownType(type));
  const judged = await remember(digestOf('judged', setting.windows, originalDigest, digest), () => judge(path));
  const figures = {
    bytes,
    ...(await takeTimes()),
    ...errors,
    perplexity: Math.exp(mean(judged.losses)),
    divergence: mean(judged.divergences),
    agreement: mean(judged.agreements),
  };
  rmSync(path, { force: true });
  return { figures, judged };
}

/** Files with the same weights are judged once. */
function judge(path: string): Judged {
  const texts = ['sotu', 'moby', 'kjv'].map((name) => join(fixtures, `data/text/test-${name}.txt`));
  const [, judged] = llama('evaluate', texts.join(','), setting.windows, original, path);
  if ('error' in judged) throw new Error(`${path}: llama.cpp does not load it`);
  return judged;
}

/** 16 M values where every one takes long, otherwise 32 M, beside which starting workers counts little. */
async function timed(type: MixId) {
  const layers = type.startsWith('IQ') ? 16 : 32;
  const at = join(folder, `timed-${layers}`);
  if (!existsSync(at)) mkdirSync(at);
  const model = join(at, 'timed.gguf');
  return existsSync(model) ? { model, imatrix: join(at, 'timed.dat') } : timedModel(at, facts, layers);
}

function llama(...args: string[]) {
  const script = fileURLToPath(new URL('peers/llama-cpp.py', import.meta.url));
  return JSON.parse(execFileSync(python ?? '', [script, libraries?.folder ?? '', ...args], { encoding: 'utf8', maxBuffer: 1e8 }));
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  return ours === undefined || theirs === undefined ? '    -' : (ours / theirs).toFixed(3);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function line({ type, imatrix, llama: peer, reference, best }: Row): string {
  const name = `${type}${imatrix ? ' + imatrix' : ''}`.padEnd(19);
  const estimate = (value: Estimate | undefined) => (value ? `${value.ratio.toFixed(4)} ± ${value.error.toFixed(4)}` : '-');
  const side = (label: string, figures: Ours) => {
    const parts = [
      `bytes ${ratio(figures.bytes, peer?.bytes)}`,
      ...ERRORS.map((id) => `${id} ${figures[id].toFixed(4)} (${ratio(figures[id], peer?.[id])})`),
      `processor s ${figures.processorSeconds.toFixed(2)} (${ratio(figures.processorSeconds, peer?.processorSeconds)})`,
      `ppl ${figures.perplexity.toFixed(2)} (${estimate(figures.ratios?.perplexity)})`,
      `KL ${figures.divergence.toFixed(4)} (${estimate(figures.ratios?.divergence)})`,
    ];
    return `${name} ${label.padEnd(9)} ${parts.join('  ')}`;
  };
  return [side('reference', reference), side('best', best)].join('\n');
}

/** What goals a row misses: a perplexity by more than chance, at two standard errors. Where rows are short, types differ and nothing else can be compared. */
function misses({ type, imatrix, llama: peer, reference, best }: Row): string[] {
  if (!peer || !best.ratios) return [];
  const { ratio: perplexity, error } = best.ratios.perplexity;
  const isSame = Math.abs(best.bytes / peer.bytes - 1) <= 0.005;
  const isSearched = type.includes('_K') || type.startsWith('IQ');
  const most = FEW_BITS.test(type) ? GOALS.fewBits : GOALS.error;
  const checks: (readonly [what: string, value: number, most: number])[] = [
    ['perplexity of best', perplexity - 2 * error, GOALS.perplexity],
    ...(isSame
      ? ([
          ['error of best', best[imatrix ? 'weightedError' : 'error'] / peer[imatrix ? 'weightedError' : 'error'], GOALS.error],
          [
            "error of best in the mix's type",
            best[imatrix ? 'ownWeightedError' : 'ownError'] / peer[imatrix ? 'ownWeightedError' : 'ownError'],
            most,
          ],
        ] as const)
      : []),
    ...(isSearched
      ? ([
          ['seconds of reference', reference.processorSeconds / peer.processorSeconds, GOALS.reference],
          ['seconds of best', best.processorSeconds / peer.processorSeconds, GOALS.best],
        ] as const)
      : []),
  ];
  return checks.flatMap(([what, value, limit]) =>
    value > limit ? [`  ${type}${imatrix ? ' + imatrix' : ''}: ${what} ${value.toFixed(4)}, at most ${limit}`] : [],
  );
}
