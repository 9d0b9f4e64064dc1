/**
 * GGUF mixes beside llama.cpp's own quantizer with two threads and the same importances: `npm run bench:gguf`, after a build.
 *
 *   npm run bench:gguf                          the small language model of the fixtures, every mix
 *   npm run bench:gguf -- --types Q2_K,IQ4_XS   some of them
 *   npm run bench:gguf -- --model smollm2       SmolLM2-135M, most of whose rows are 576 values
 *   npm run bench:gguf -- --only quality        without times, or --only times
 *   npm run bench:gguf -- --windows 18          more to judge by, where a few leave it open
 *
 * Each mix is made by llama.cpp and by tersor with `search` reference and best, without importances and with those of a text that no judgement is made
 * on. Errors are of all weights that were rounded, and of those that have the mix's own type. Losses and divergences come from llama.cpp, window by window:
 * ratios have the standard error of paired windows. MXFP4 is every matrix in that type, for the mix of that name is for experts. Times are of random values
 * of the mix's own type, each in a process of its own, the best of several calls. What was measured is kept by content in .cache/bench, so a run that was
 * stopped goes on where it was: times by the code, qualities by what the code makes of a sample.
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
import { openBehaviours } from './gguf/behaviours.ts';
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

interface Quality extends Errors {
  readonly bytes: number;
  readonly perplexity: number;
  readonly divergence: number;
  readonly agreement: number;
}

interface Times {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly memory: number;
}

interface Side {
  readonly quality: Quality;
  readonly judged: Judged;
}

type Refused = { readonly refused: true };

/** Beside llama.cpp, with standard errors. */
interface Ratios {
  readonly perplexity: Estimate;
  readonly divergence: Estimate;
}

interface Ours extends Quality {
  /** Absent where llama.cpp refuses. */
  readonly ratios?: Ratios;
}

/** MXFP4: every matrix. */
type Mix = MixId | 'MXFP4';

interface Row<T, O extends T = T> {
  readonly type: string;
  /** Of qualities. */
  readonly windows?: number;
  readonly imatrix: boolean;
  /** Absent where llama.cpp refuses: some types need importances. */
  readonly llama?: T;
  readonly reference: O;
  readonly best: O;
}

const { values: flags } = parseArgs({
  options: { types: { type: 'string' }, model: { type: 'string', default: 'lm' }, only: { type: 'string' }, windows: { type: 'string' } },
});
const fixtures = process.env.TERSOR_FIXTURES ?? fileURLToPath(new URL('../../shared/fixtures', import.meta.url));
const libraries = llamaLibraries();
const python = libraries && pythonWith(['numpy==2.4.6']);
if (!libraries || !python || !existsSync(fixtures)) {
  console.log(existsSync(fixtures) ? 'skipped: no Python, or no llama.cpp' : `skipped: ${fixtures} is missing; see docs/benches.md`);
  process.exit(0);
}
const mixes: readonly Mix[] = [...MIX_IDS.filter((id) => !['F32', 'F16', 'BF16', 'MXFP4_MOE'].includes(id)), 'MXFP4'];
const SETTINGS = {
  lm: { windows: '45', calibration: '64', open: smallModel },
  smollm2: { windows: '3', calibration: '8', open: async () => smolLm2() },
};
const usual = flags.model === 'smollm2' ? SETTINGS.smollm2 : SETTINGS.lm;
const setting = { ...usual, windows: flags.windows ?? usual.windows };
const [isJudged, isTimed] = [flags.only !== 'times', flags.only !== 'quality'];
const folder = mkdtempSync(join(tmpdir(), 'tersor-gguf-'));
const original = (await setting.open()) ?? skip('SmolLM2 cannot be had');
const calibration = join(fixtures, 'data/text/calib.txt');
const texts = ['sotu', 'moby', 'kjv'].map((name) => join(fixtures, `data/text/test-${name}.txt`));
const originalDigest = digestOf(readFileSync(original), libraries.version);
const importances = cached(`gguf-${digestOf(originalDigest, setting.calibration, readFileSync(calibration))}.dat`);
if (!existsSync(importances)) {
  llama('imatrix', original, `${importances}.new`, setting.calibration, calibration);
  renameSync(`${importances}.new`, importances);
}
const key = digestOf(originalDigest, readFileSync(importances), setting.windows, digestOfSources(new URL('gguf/', import.meta.url)));
const sources = digestOfSources(new URL('../packages/tersor/dist/bundle/', import.meta.url));
const measureErrors = await openErrors(original, importances);
const facts = await gguf.open(openNodeStore(dirname(original)), basename(original));
const matrices = [...facts.weights.values()].filter(({ shape }) => shape.length === 2).map(({ id }) => id);
const behaviourOf = await openBehaviours(facts);
const asked = flags.types?.split(',');
const peers = { 'node-llama-cpp': libraries.version, threads: THREADS };
const missed: string[] = [];
const chosen = mixes.filter((type) => !asked || asked.includes(type));
for (const type of isJudged ? chosen : []) {
  const rows = [await judgeRow(type, false), await judgeRow(type, true)];
  savePartResults('gguf', `${flags.model} ${type}`, rows, peers);
  missed.push(...rows.flatMap(missesOfQuality));
}
// several mixes have the same type for most weights, and llama.cpp makes the first of them without importances, too
for (const [ownType, type] of isTimed ? new Map(chosen.toReversed().map((type) => [ownTypeOf(type), type])) : []) {
  const rows = [await timeRow(type, false), await timeRow(type, true)];
  savePartResults('gguf', `times ${ownType}`, rows, peers);
  missed.push(...rows.flatMap(missesOfTime));
}
rmSync(folder, { recursive: true, force: true });
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

async function judgeRow(type: Mix, imatrix: boolean): Promise<Row<Quality, Ours>> {
  const peer = await judgeTheirs(type, imatrix);
  const theirs = 'quality' in peer ? peer : undefined;
  const make = async (search: Search): Promise<Ours> => {
    const { quality, judged } = await judgeOurs(type, imatrix, search);
    if (!theirs) return quality;
    return {
      ...quality,
      ratios: {
        perplexity: perplexityRatio(judged.losses, theirs.judged.losses),
        divergence: ratioOfMeans(judged.divergences, theirs.judged.divergences),
      },
    };
  };
  const row = {
    type,
    windows: Number(setting.windows),
    imatrix,
    ...(theirs && { llama: theirs.quality }),
    reference: await make('reference'),
    best: await make('best'),
  };
  for (const search of ['reference', 'best'] as const) console.log(`${nameOf(row, search)} ${qualityText(row[search], row.llama)}`);
  return row;
}

async function timeRow(type: Mix, imatrix: boolean): Promise<Row<Times>> {
  const peer = await timeTheirs(type, imatrix);
  const row = {
    type: ownTypeOf(type),
    imatrix,
    ...('seconds' in peer && { llama: peer }),
    reference: await timeOurs(type, imatrix, 'reference'),
    best: await timeOurs(type, imatrix, 'best'),
  };
  for (const search of ['reference', 'best'] as const) {
    const { processorSeconds } = row[search];
    console.log(
      `${nameOf(row, search)} processor s ${processorSeconds.toFixed(2)} (${ratio(processorSeconds, row.llama?.processorSeconds)})`,
    );
  }
  return row;
}

type Search = 'reference' | 'best';

function judgeTheirs(type: Mix, imatrix: boolean): Promise<Side | Refused> {
  return remember(digestOf('llama.cpp', type, String(imatrix), key), async () => {
    const path = join(folder, 'llama.gguf');
    if ('error' in theirQuantizer(type, original, path, 1, imatrix ? importances : undefined)) return { refused: true };
    return side(path, type);
  });
}

async function judgeOurs(type: Mix, imatrix: boolean, search: Search): Promise<Side> {
  const behaviour = await behaviourOf(type, imatrix, search);
  return remember(digestOf('tersor', type, String(imatrix), behaviour, key), () => {
    const path = join(folder, `${search}.gguf`);
    ourQuantizer(type, search, original, path, 1, imatrix ? importances : undefined);
    return side(path, type);
  });
}

/** Times are of the mix's own type: several mixes share them, and so do models. */
function timeTheirs(type: Mix, imatrix: boolean): Promise<Times | Refused> {
  const { millions, rounds } = effortFor(type);
  return remember(digestOf('times of llama.cpp', libraries?.version ?? '', type, String(imatrix), String([millions, rounds])), async () => {
    const at = await timed(millions);
    const times = theirQuantizer(type, at.model, join(folder, 'timed.gguf'), rounds, imatrix ? at.imatrix : undefined);
    return 'error' in times ? { refused: true } : times;
  });
}

function timeOurs(type: Mix, imatrix: boolean, search: Search): Promise<Times> {
  const { millions, rounds } = effortFor(type);
  return remember(digestOf('tersor times', sources, ownTypeOf(type), String(imatrix), search, String([millions, rounds])), async () => {
    const at = await timed(millions);
    return ourQuantizer(type, search, at.model, join(folder, 'timed.gguf'), rounds, imatrix ? at.imatrix : undefined);
  });
}

function ownTypeOf(type: Mix): string {
  return type === 'MXFP4' ? type : ownType(type);
}

/** Fewer values where every one takes long, otherwise so many that starting workers counts little. */
function effortFor(type: Mix): { readonly millions: number; readonly rounds: number } {
  if (/^IQ[12]/.test(type)) return { millions: 2, rounds: 1 };
  return /^IQ/.test(type) ? { millions: 8, rounds: 1 } : { millions: 128, rounds: 1 };
}

function theirQuantizer(
  type: Mix,
  model: string,
  path: string,
  rounds: number,
  imatrix: string | undefined,
): Times | { readonly error: string } {
  const isPure = type === 'MXFP4';
  const fileType = fileTypeOf(isPure ? 'MXFP4_MOE' : type);
  return llama(
    'quantize',
    model,
    path,
    String(fileType),
    THREADS,
    String(rounds),
    isPure ? 'pure' : 'mixed',
    ...(imatrix ? [imatrix] : []),
  );
}

function ourQuantizer(type: Mix, search: Search, model: string, path: string, rounds: number, imatrix: string | undefined): Times {
  const script = fileURLToPath(new URL('gguf/quantize.mjs', import.meta.url));
  const ids = model === original ? matrices : ['ffn_up.weight'];
  const mix = type === 'MXFP4' ? { type: 'MXFP4_MOE', tensor: ids.map((id) => `${id}=MXFP4`) } : { type };
  const step = JSON.stringify({ ...mix, search, ...(imatrix && { imatrix }) });
  return JSON.parse(execFileSync('node', [script, model, path, step, THREADS, String(rounds)], { encoding: 'utf8' }));
}

async function side(path: string, type: Mix): Promise<Side> {
  const { digest, ...errors } = await measureErrors(path, ownTypeOf(type));
  const judged = await remember(digestOf('judged', setting.windows, originalDigest, digest), () => judge(path));
  const quality = {
    bytes: statSync(path).size,
    ...errors,
    perplexity: Math.exp(mean(judged.losses)),
    divergence: mean(judged.divergences),
    agreement: mean(judged.agreements),
  };
  rmSync(path, { force: true });
  return { quality, judged };
}

/** Files with the same weights are judged once. */
function judge(path: string): Judged {
  const predicted = cached(`gguf-predictions-${digestOf(originalDigest, setting.windows)}.npy`);
  if (!existsSync(predicted)) llama('predict', texts.join(','), setting.windows, original, predicted);
  const judged = llama('evaluate', texts.join(','), setting.windows, predicted, path);
  if ('error' in judged) throw new Error(`${path}: llama.cpp does not load it`);
  return judged;
}

async function timed(millions: number) {
  const at = join(folder, `timed-${millions}`);
  if (!existsSync(at)) mkdirSync(at);
  const model = join(at, 'timed.gguf');
  return existsSync(model) ? { model, imatrix: join(at, 'timed.dat') } : timedModel(at, facts, millions);
}

function llama(...args: string[]) {
  const script = fileURLToPath(new URL('peers/llama-cpp.py', import.meta.url));
  return JSON.parse(execFileSync(python ?? '', [script, libraries?.folder ?? '', ...args], { encoding: 'utf8', maxBuffer: 1e8 }));
}

function ratio(ours: number, theirs: number | undefined): string {
  return theirs === undefined ? '    -' : (ours / theirs).toFixed(3);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function nameOf({ type, imatrix }: Pick<Row<unknown>, 'type' | 'imatrix'>, search: Search): string {
  return `${type}${imatrix ? ' + imatrix' : ''}`.padEnd(19) + search.padEnd(10);
}

function qualityText(ours: Ours, peer: Quality | undefined): string {
  const estimate = (value: Estimate | undefined) => (value ? `${value.ratio.toFixed(4)} ± ${value.error.toFixed(4)}` : '-');
  return [
    `bytes ${ratio(ours.bytes, peer?.bytes)}`,
    ...ERRORS.map((id) => `${id} ${ours[id].toFixed(4)} (${ratio(ours[id], peer?.[id])})`),
    `ppl ${ours.perplexity.toFixed(2)} (${estimate(ours.ratios?.perplexity)})`,
    `KL ${ours.divergence.toFixed(4)} (${estimate(ours.ratios?.divergence)})`,
  ].join('  ');
}

/** What goals a row misses: a perplexity by more than chance, at two standard errors. Where rows are short, types differ and errors cannot be compared. */
function missesOfQuality({ type, imatrix, llama: peer, best }: Row<Quality, Ours>): string[] {
  if (!peer || !best.ratios) return [];
  const [all, own] = imatrix ? (['weightedError', 'ownWeightedError'] as const) : (['error', 'ownError'] as const);
  const { ratio: perplexity, error } = best.ratios.perplexity;
  const isSame = Math.abs(best.bytes / peer.bytes - 1) <= 0.005;
  return above(`${type}${imatrix ? ' + imatrix' : ''}`, [
    ['perplexity of best', perplexity - 2 * error, GOALS.perplexity],
    ['error of best', isSame ? best[all] / peer[all] : 0, GOALS.error],
    ["error of best in the mix's type", isSame ? best[own] / peer[own] : 0, FEW_BITS.test(type) ? GOALS.fewBits : GOALS.error],
  ]);
}

/** Of K- and I-types. */
function missesOfTime({ type, imatrix, llama: peer, reference, best }: Row<Times>): string[] {
  if (!peer || !(type.includes('_K') || type.startsWith('IQ'))) return [];
  return above(`${type}${imatrix ? ' + imatrix' : ''}`, [
    ['seconds of reference', reference.processorSeconds / peer.processorSeconds, GOALS.reference],
    ['seconds of best', best.processorSeconds / peer.processorSeconds, GOALS.best],
  ]);
}

function above(name: string, checks: readonly (readonly [what: string, value: number, most: number])[]): string[] {
  return checks.flatMap(([what, value, most]) => (value > most ? [`  ${name}: ${what} ${value.toFixed(4)}, at most ${most}`] : []));
}
