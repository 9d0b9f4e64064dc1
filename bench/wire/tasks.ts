/**
 * What a download takes at a task's quality, by the command that a user types, beside the best stock ONNX file with brotli: `npm run bench:wire -- tasks`, after a build.
 *
 * Every model is asked for at some sizes as `.tsr`, one of which is the goal, and at three sizes as ONNX, which brotli -11 then packs. Inputs to choose by and those that losses
 * are measured on have nothing in common. The loss is the part of the outputs' variance that is lost, or for classes the Kullback-Leibler divergence; at each stock file's loss the bytes of `.tsr` are
 * read off between its points, on lines in logarithms, and nowhere beyond them.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { unpack } from '../../packages/tersor/src/unpack.ts';
import { runTersor } from '../main/run-tersor.ts';
import { type BenchModel, benchModels } from '../models.ts';
import { savePartResults } from '../results.ts';
import { divergence, openSession, type Scores, type Task, type Tensors } from '../tasks/task.ts';

interface Question {
  readonly model: string;
  /** Bytes on the wire that the task's measure is to be kept in. */
  readonly goal: number;
  /** Others, for the curve. */
  readonly sizes: readonly number[];
  /** Of stock files, before they are packed. */
  readonly stock: readonly number[];
  /** How many samples there are to choose by, where the task's own are not enough. */
  readonly chosen?: number;
  /** The outputs are scores of classes. */
  readonly classes?: boolean;
}

/** Of a LeNet, whose bytes in floats these are. */
const FORTY_FIVE = 45;
const MANY_DIGITS = 8000;
/** Of the task's measure. */
const MOST_LOST = 0.01;
const PROVING_INPUTS = 128;

const QUESTIONS: readonly Question[] = [
  {
    model: 'lenet-300',
    goal: Math.floor(1_066_908 / FORTY_FIVE),
    sizes: [17_800, 34_000, 55_000, 70_000],
    stock: [80_000, 100_000, 130_000],
    chosen: MANY_DIGITS,
    classes: true,
  },
  {
    model: 'lenet-5',
    goal: Math.floor(1_725_025 / FORTY_FIVE),
    sizes: [28_700, 60_000, 75_000, 100_000],
    stock: [125_000, 150_000, 190_000],
    chosen: MANY_DIGITS,
    classes: true,
  },
  { model: 'mobilenet-v2', goal: 2.2e6, sizes: [1.8e6, 2.6e6], stock: [2.7e6, 3.1e6, 3.5e6], classes: true },
  { model: 'ocr-det', goal: 1e6, sizes: [0.7e6, 0.85e6], stock: [0.9e6, 1.1e6, 1.25e6] },
  { model: 'silero-v5', goal: 0.5e6, sizes: [0.3e6, 0.4e6], stock: [0.4e6, 0.5e6, 0.6e6] },
  { model: 'ocr-rec', goal: 2e6, sizes: [1.6e6, 2.4e6], stock: [2.1e6, 2.5e6, 2.9e6] },
  { model: 'minilm', goal: 8.5e6, sizes: [6.5e6, 10e6], stock: [10e6, 11e6, 12.5e6] },
];

interface Point {
  readonly asked: number;
  /** On the wire. */
  readonly bytes: number;
  /** Of the file that runs. */
  readonly file: number;
  /** Of the command. */
  readonly status: number;
  readonly loss: number;
  readonly scores: Scores;
  readonly lost: number;
  readonly seconds: number;
}

/** @param only  names of models */
export async function tasks(only: readonly string[] | undefined): Promise<void> {
  let missed = 0;
  for (const question of QUESTIONS) {
    const model = benchModels().find(({ name }) => name === question.model);
    if (!model?.task || (only && !only.includes(question.model))) continue;
    const row = await measure(model, model.task, question);
    savePartResults('wire-tasks', model.name, row);
    const goal = row.packed.find(({ asked }) => asked === question.goal);
    const isMet = goal !== undefined && goal.bytes <= question.goal && goal.lost <= MOST_LOST;
    if (!isMet) missed++;
    console.log(`${model.name}: ${kilobytes(question.goal)} with at most 1 % of the task's measure lost: ${isMet ? 'met' : 'missed'}`);
    for (const [label, points] of [['.tsr', row.packed] as const, ['ONNX + brotli', row.stock] as const]) {
      for (const { bytes, loss, scores, lost } of points)
        console.log(
          `  ${label.padEnd(13)} ${kilobytes(bytes)}  loss ${loss.toPrecision(3)}  ${textOf(scores)}, ${(100 * lost).toFixed(2)} % lost`,
        );
    }
    console.log(
      `  at equal loss .tsr takes ${row.ratios.map((ratio) => (Number.isNaN(ratio) ? '–' : ratio.toFixed(3))).join(', ')} of the bytes`,
    );
  }
  process.exitCode = missed > 0 ? 1 : 0;
}

async function measure(model: BenchModel, task: Task, { goal, sizes, stock, chosen, classes = false }: Question) {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
  try {
    const data = await task.choose(mkdtempSync(join(folder, 'data-')), chosen);
    const inputs = await task.inputs('prove', PROVING_INPUTS);
    const [wanted, before] = [await run(model.path, inputs), await task.score(model.path, model.path)];
    const ask = async (asked: number, extension: 'tsr' | 'onnx'): Promise<Point | undefined> => {
      const output = join(folder, `${asked}.${extension}`);
      const began = performance.now();
      const { status } = await runTersor(['--max-size', `${asked / 1e3}kB`, ...data], model.path, output);
      const seconds = (performance.now() - began) / 1000;
      if (!existsSync(output)) return undefined;
      const runs = join(folder, `${asked}-runs.onnx`);
      if (extension === 'tsr') await unpack(output, { out: runs, force: true });
      const file = extension === 'tsr' ? runs : output;
      const scores = await task.score(file, model.path);
      return {
        asked,
        bytes: extension === 'tsr' ? statSync(output).size : brotliBytes(file),
        file: statSync(file).size,
        status,
        loss: lossOf(wanted, await run(file, inputs), classes),
        scores,
        lost: task.loss(before, scores),
        seconds,
      };
    };
    const askAll = async (all: readonly number[], extension: 'tsr' | 'onnx') => {
      const points: Point[] = [];
      for (const asked of all.toSorted((a, b) => a - b))
        points.push(...[await ask(asked, extension)].filter((point) => point !== undefined));
      return points;
    };
    const packed = await askAll([goal, ...sizes], 'tsr');
    const unpacked = await askAll(stock, 'onnx');
    return {
      model: model.name,
      goal,
      before,
      packed,
      stock: unpacked,
      ratios: unpacked.map(({ bytes, loss }) => bytesAt(packed, loss) / bytes),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function brotliBytes(path: string): number {
  const bytes = readFileSync(path);
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  return brotliCompressSync(bytes, {
    params: { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;
}

/** The first output of each input. */
async function run(path: string, inputs: readonly Tensors[]): Promise<Float32Array[]> {
  const session = await openSession(path);
  const rows: Float32Array[] = [];
  for (const feeds of inputs) {
    const { data } = (await session.run(feeds))[session.outputNames[0]!]!;
    rows.push(Float32Array.from(data as Float32Array));
  }
  await session.release();
  return rows;
}

function lossOf(wanted: readonly Float32Array[], found: readonly Float32Array[], classes: boolean): number {
  if (classes) return wanted.reduce((sum, row, i) => sum + divergence(row, found[i]!), 0) / wanted.length;
  let [missed, sum, squares, count] = [0, 0, 0, 0];
  wanted.forEach((row, i) => {
    row.forEach((value, j) => {
      missed += (value - found[i]![j]!) ** 2;
      sum += value;
      squares += value ** 2;
      count++;
    });
  });
  return missed / (squares - sum ** 2 / count);
}

/** Bytes at a loss, between the two points around it; NaN beyond the outermost ones. */
function bytesAt(points: readonly Point[], loss: number): number {
  const sorted = points.toSorted((a, b) => b.loss - a.loss);
  for (const [i, to] of sorted.entries()) {
    const from = sorted[i - 1];
    if (!from || from.loss < loss || to.loss > loss) continue;
    const part = from.loss === to.loss ? 0 : Math.log(loss / from.loss) / Math.log(to.loss / from.loss);
    return from.bytes * (to.bytes / from.bytes) ** part;
  }
  return Number.NaN;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toFixed(1).padStart(8)} kB`;
}

function textOf(scores: Scores): string {
  return Object.entries(scores)
    .map(([name, value]) => `${name} ${value.toPrecision(4)}`)
    .join(' ');
}
