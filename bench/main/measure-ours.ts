import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../../packages/tersor/dist/index.js';
import type { BenchModel } from '../models.ts';
import { askedOf } from '../tasks/asked-of.ts';
import { brotli, bytesOf, type Judge, toFeeds } from './judge-file.ts';
import { GENERAL, isGeneral, measuresOf, type Run } from './measures.ts';
import { standAmongRandom } from './random-recipes.ts';
import { runTersor } from './run-tersor.ts';
import type { Row } from './table.ts';

/** Inputs to tell random recipes apart by. */
const SAMPLES = 12;

/**
 * One call of the command, judged on data that it did not see.
 * @param withRandom  where there is a limit of size, also beside random recipes
 */
export async function measureOurs(
  model: BenchModel,
  run: Run,
  folder: string,
  judge: Judge | undefined,
  withRandom: boolean,
): Promise<Row> {
  const { name, path, task } = model;
  const place = mkdtempSync(join(folder, 'run-'));
  const output = join(place, 'output.onnx');
  const data = run.data && task ? await task.choose(mkdtempSync(join(place, 'data-'))) : [];
  try {
    const { report, problem } = await runTersor([...run.command, ...data], path, output);
    const row = { model: name, by: nameOf(run), isPeer: false, ...costOf(report) };
    const measures = [...(isGeneral(run) ? [GENERAL] : []), ...(judge ? measuresOf(name, run) : [])];
    const original = bytesOf(path);
    if (!report || problem) {
      const unmet = measures.map(({ says }) => ({ says, met: false }));
      return { ...row, bytes: [original, Number.NaN], problem: problem ?? 'no report', measures: unmet };
    }
    const found = await judge?.judge(output);
    const latency = found?.latency ?? report.speed?.ratio ?? Number.NaN;
    const bytes = [original, bytesOf(output)] as const;
    const [before, after] = found?.scores ?? [{}, {}];
    const standing =
      withRandom && task && run.command.includes('--max-size')
        ? await standAmongRandom(path, askedOf(data), report.recipe.steps, (await task.inputs('prove', SAMPLES)).map(toFeeds))
        : undefined;
    const missed = report.promises.filter(({ status }) => status === 'missed' || status === 'unverified');
    const result = { bytes: bytes[1], share: bytes[1] / original, latency, before, after, isKept: missed.length === 0 };
    return {
      ...row,
      ...found,
      bytes,
      latency,
      ...(standing && { standing }),
      brotli: [await brotli(path), await brotli(output)],
      measures: measures.map(({ says, holds }) => ({ says, met: holds(result) })),
      ...(missed.length > 0 && { note: missed.map(({ promised, actual, status }) => `${status}: ${promised}, is ${actual}`).join('; ') }),
    };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function nameOf({ command, data }: Run): string {
  return ['tersor', ...command, ...(data ? ['--data'] : [])].join(' ');
}

function costOf(report: Report | undefined) {
  if (!report) return { seconds: Number.NaN, memory: Number.NaN };
  return {
    seconds: report.seconds.total ?? Number.NaN,
    memory: Math.max(report.memory.process, report.memory.engine ?? 0),
    ...(report.quality && { quality: { metric: report.quality.metric, value: report.quality.value } }),
    ...forwardsOf(report),
  };
}

/** Reports of a version that counts runs of the model say how many the search took. */
function forwardsOf(report: object): { readonly forwards?: number } {
  const search = 'search' in report && typeof report.search === 'object' ? report.search : undefined;
  return search && 'forwards' in search && typeof search.forwards === 'number' ? { forwards: search.forwards } : {};
}
