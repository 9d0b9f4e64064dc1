/**
 * The main job on every real model at hand, beside Python's tools.
 *
 *   npm run bench:main                     all models
 *   npm run bench:main -- silero ocr       those whose names contain a word
 *   npm run bench:main -- --no-peers       tersor alone
 *   npm run bench:main -- --random         results of a given size beside random recipes, too
 *
 * Each model as it comes, and chosen with data where its task has some: bytes, the same after brotli, latency, seconds, peak memory, and the
 * task's own scores on data that were never used for choosing. Then what each tool's smallest file is that loses at most 1 % of the task's
 * measure at no more than 1.1 times the latency. Keeps each model's rows in bench/results/main.json. Exits with 1 when a measure is not met.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bestLine, bestOf } from './main/best.ts';
import { openJudge } from './main/judge-file.ts';
import { measureOurs } from './main/measure-ours.ts';
import { measurePeers } from './main/measure-peers.ts';
import { runsOf, SLOWEST } from './main/measures.ts';
import { header, line, type Row } from './main/table.ts';
import { type BenchModel, benchModels } from './models.ts';
import { openCompressors } from './peers/compressors.ts';
import { saveModelResults } from './results.ts';

const FLAGS = ['--peers', '--no-peers', '--random'];

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const flags = new Set(process.argv.slice(2).filter((word) => word.startsWith('--')));
const unknown = [...flags].find((flag) => !FLAGS.includes(flag));
if (unknown) {
  console.error(`no flag ${unknown}: there are ${FLAGS.join(', ')}`);
  process.exit(2);
}
const all: readonly BenchModel[] = benchModels();
const models = words.length === 0 ? all : all.filter(({ name }) => words.some((word) => isMeant(word, name)));
const compressors = flags.has('--no-peers') ? undefined : openCompressors();
const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
const rows: Row[] = [];
try {
  console.log(header());
  for (const model of models) await measureModel(model);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const best = bestOf(rows);
console.log(`\nSmallest files that lose at most 1 % of the task's measure at <= ${SLOWEST}x:`);
for (const each of best) console.log(bestLine(each));
const measures = rows.flatMap((row) => row.measures);
const met = measures.filter((measure) => measure.met);
console.log(`\n${met.length} of ${measures.length} measures met`);
process.exitCode = met.length < measures.length ? 1 : 0;

/** A model's whole name means that one alone, a part of it all that have it. */
function isMeant(word: string, name: string): boolean {
  return name === word || (name.includes(word) && all.every((model) => model.name !== word));
}

function show(row: Row): void {
  rows.push(row);
  console.log(line(row));
}

async function measureModel(model: BenchModel): Promise<void> {
  const judge = model.task && (await openJudge(model, model.task));
  try {
    for (const run of runsOf(model.name, judge !== undefined)) show(await measureOurs(model, run, folder, judge, flags.has('--random')));
    if (compressors && judge) for await (const row of measurePeers(model, compressors, judge)) show(row);
  } finally {
    await judge?.close();
  }
  saveModelResults(
    'main',
    model.name,
    rows.filter((row) => row.model === model.name),
    compressors?.versions,
  );
}
