/**
 * The main job on every real model at hand, as a user runs it: `tersor <model>`, no data, no options.
 *
 *   npm run bench:main                  all models
 *   npm run bench:main -- silero ocr    those whose names contain a word
 *
 * One row a model: bytes, ratio, the same after brotli, quality, latency, seconds, peak memory, and the task's own score before and after
 * where there is data for it; then `tersor rtn --bits 8` on two of them. Writes bench/results/main.json. Exits with 1 when a measure is not met.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Report } from '../packages/tersor/dist/index.js';
import { type BenchModel, benchModels } from './models.ts';
import { saveResults } from './results.ts';

const COMMAND = fileURLToPath(new URL('../packages/tersor/bin/tersor.js', import.meta.url));
type Scores = Readonly<Record<string, number>>;

/** What some results must show beyond that, where their task's data are there. */
interface Measure {
  readonly model: string;
  /** Empty: the main job. */
  readonly command: readonly string[];
  readonly bytes: number;
  readonly latency?: number;
  holds(before: Scores, after: Scores): boolean;
}

const at = (scores: Scores, key: string): number => scores[key] ?? Number.NaN;
const ROUNDING = ['rtn', '--bits', '8'] as const;
const MEASURES: readonly Measure[] = [
  { model: 'minilm', command: [], bytes: 23.0e6, latency: 1.05, holds: (_, after) => at(after, 'cosine') >= 0.999 },
  { model: 'silero-v5', command: ROUNDING, bytes: 0.9e6, holds: (_, after) => at(after, 'auc') >= 0.994 },
  { model: 'ocr-rec', command: ROUNDING, bytes: 3.0e6, holds: (before, after) => at(after, 'cer') <= 1.02 * at(before, 'cer') },
];

/** What part of the original's bytes a result may have, and how much slower it may be. */
const LARGEST = 0.55;
const SLOWEST = 1.1;

interface Row {
  readonly model: string;
  readonly bytes: readonly [number, number];
  readonly brotli: readonly [number, number];
  readonly metric: string;
  readonly quality: number;
  readonly latency: number;
  readonly seconds: number;
  readonly memory: number;
  readonly task?: readonly [Scores, Scores];
  readonly met: boolean;
  readonly problem?: string;
}

const words = process.argv.slice(2);
const models = benchModels().filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
const rows: Row[] = [];
try {
  console.log(
    `${'model'.padEnd(24)}${['MB', 'MB', 'ratio', 'brotli', 'quality', 'latency', 's', 'peak MB'].map((title) => title.padStart(9)).join('')}  task`,
  );
  for (const model of models) {
    show(await measure(model, []));
  }
  for (const { model: name, command } of MEASURES) {
    const model = models.find((each) => each.name === name && each.task);
    if (model && command.length > 0) show(await measure(model, command));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const missed = rows.filter(({ met }) => !met);
console.log(
  `\n${rows.length - missed.length} of ${rows.length} smaller than ${(LARGEST * 100).toFixed(0)} %, promises kept, latency <= ${SLOWEST}x`,
);
if (words.length === 0) saveResults('main', rows);
process.exitCode = missed.length > 0 ? 1 : 0;

function show(row: Row): void {
  rows.push(row);
  console.log(line(row));
}

async function measure({ name: model, path, task }: BenchModel, command: readonly string[]): Promise<Row> {
  const name = [model, ...command].join(' ');
  const output = join(folder, `${model}.onnx`);
  const { report, problem } = await run(command, path, output);
  if (!report?.output) return failed(name, problem ?? `no output: ${report?.outcome}`);
  const [before, after] = [report.input.bytes, report.output.bytes];
  const kept = report.promises.every(({ status }) => status !== 'missed' && status !== 'unverified');
  const latency = report.speed?.ratio ?? Number.NaN;
  const scores = task && ([await task.score(path), await task.score(output, path)] as const);
  const extra = MEASURES.find((each) => each.model === model && each.command.join() === command.join());
  return {
    model: name,
    bytes: [before, after],
    brotli: [brotli(path), brotli(output)],
    metric: report.quality?.metric ?? 'none',
    quality: report.quality?.value ?? Number.NaN,
    latency,
    seconds: report.seconds.total ?? Number.NaN,
    memory: Math.max(report.memory.process, report.memory.engine ?? 0),
    ...(scores && { task: scores }),
    met: kept && after / before < LARGEST && latency <= SLOWEST && (!extra || !scores || meets(extra, after, latency, scores)),
  };
}

function meets(
  { bytes, latency = SLOWEST, holds }: Measure,
  after: number,
  ratio: number,
  [before, now]: readonly [Scores, Scores],
): boolean {
  return after <= bytes && ratio <= latency && holds(before, now);
}

function run(command: readonly string[], model: string, output: string): Promise<{ report?: Report; problem?: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [COMMAND, ...command, model, '-o', output, '--force', '--json'],
      { maxBuffer: 2 ** 28 },
      (error, stdout, stderr) => {
        try {
          resolve({ report: JSON.parse(stdout) });
        } catch {
          resolve({ problem: (stderr || error?.message || 'printed no report').trim().split('\n')[0] ?? '' });
        }
      },
    );
  });
}

function failed(model: string, problem: string): Row {
  const nothing = [Number.NaN, Number.NaN] as const;
  return {
    model,
    bytes: nothing,
    brotli: nothing,
    metric: '',
    quality: Number.NaN,
    latency: Number.NaN,
    seconds: Number.NaN,
    memory: Number.NaN,
    met: false,
    problem,
  };
}

/** Quality 9: what a server does that compresses ahead of time but wants to finish today. */
function brotli(path: string): number {
  return brotliCompressSync(readFileSync(path), { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 } })
    .length;
}

function line({ model, bytes, brotli: wire, quality, latency, seconds, memory, task, met, problem }: Row): string {
  if (problem) return `!${model.padEnd(23)}  FAILED: ${problem}`;
  const cells = [
    (bytes[0] / 1e6).toFixed(3),
    (bytes[1] / 1e6).toFixed(3),
    `${((bytes[1] / bytes[0]) * 100).toFixed(1)} %`,
    `${((wire[1] / wire[0]) * 100).toFixed(1)} %`,
    quality.toFixed(5),
    `${latency.toFixed(2)}x`,
    seconds.toFixed(1),
    (memory / 1e6).toFixed(0),
  ];
  const scores = task ? Object.entries(task[1]).map(([key, value]) => `${key} ${round(task[0][key])} → ${round(value)}`) : [];
  return `${met ? ' ' : '!'}${model.padEnd(23)}${cells.map((cell) => cell.padStart(9)).join('')}  ${scores.join(', ')}`;
}

function round(value: number | undefined): string {
  return value === undefined ? '' : value.toPrecision(4);
}
