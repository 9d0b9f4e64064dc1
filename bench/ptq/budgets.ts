import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTersor } from '../main/run-tersor.ts';
import { type BenchModel, benchModels } from '../models.ts';
import { at, type Scores } from '../tasks/task.ts';

/** What was asked of a model, and what came of it. */
export interface BudgetRow {
  readonly model: string;
  readonly asked: string;
  readonly bytes: number;
  /** Of the command: 0 where all promises are kept, 1 where one is missed. */
  readonly status: number;
  readonly measures: readonly Measured[];
  readonly promises: readonly { readonly promised: string; readonly actual: string; readonly status: string }[];
  readonly before: Scores;
  readonly after: Scores;
  readonly seconds: number;
  readonly problem?: string;
}

interface Measured {
  readonly says: string;
  readonly before: string;
  readonly after: string;
  readonly isMet: boolean;
}

interface Measure {
  readonly says: string;
  of(scores: Scores, bytes: number): number;
  holds(before: number, after: number): boolean;
}

const atLeast = (key: string, least: number): Measure => ({
  says: `${key} >= ${least}`,
  of: (s) => at(s, key),
  holds: (_, value) => value >= least,
});
const atMost = (key: string, most: number): Measure => ({
  says: `${key} <= ${most}`,
  of: (s) => at(s, key),
  holds: (_, value) => value <= most,
});
const keeps = (key: string, share: number): Measure => ({
  says: `${key} >= ${share}x`,
  of: (s) => at(s, key),
  holds: (before, value) => value >= share * before,
});
const growsBy = (key: string, share: number): Measure => ({
  says: `${key} <= ${share}x`,
  of: (s) => at(s, key),
  holds: (before, value) => value <= share * before,
});

interface Question {
  readonly model: string;
  readonly flags: readonly string[];
  /** How many texts there are to choose by, where the task's own are not enough. */
  readonly chosen?: number;
  readonly measures: readonly Measure[];
}

/** A thousand sentences show more of what flows through an encoder than the task's 256. */
const MANY_TEXTS = 1024;
const within = (...keys: string[]) => keys.map((key) => keeps(key, 0.99));

const QUESTIONS: readonly Question[] = [
  { model: 'minilm', flags: ['--max-size', '12.5MB'], chosen: MANY_TEXTS, measures: [atLeast('cosine', 0.99), ...within('acc@1', 'mrr')] },
  { model: 'minilm', flags: ['--max-size', '11MB'], chosen: MANY_TEXTS, measures: within('acc@1', 'mrr') },
  { model: 'minilm', flags: ['--max-size', '10MB'], chosen: MANY_TEXTS, measures: within('acc@1', 'mrr') },
  { model: 'mobilenet-v2', flags: ['--max-size', '2.9MB'], measures: [atMost('divergence', 0.034)] },
  { model: 'mobilenet-v2', flags: ['--max-size', '3.7MB'], measures: [atMost('divergence', 0.01)] },
  { model: 'efficientnet-lite0', flags: ['--max-size', '3.85MB'], measures: [atMost('divergence', 0.034)] },
  { model: 'efficientnet-lite0', flags: ['--max-size', '4.9MB'], measures: [atMost('divergence', 0.01)] },
  { model: 'ocr-rec', flags: ['--max-size', '2.5MB'], measures: [growsBy('cer', 1.01), keeps('exact', 0.98)] },
  { model: 'ocr-det', flags: ['--max-size', '1.25MB'], measures: [atLeast('iou', 0.98)] },
];

/** Asked of every model: a size that most bear, and one that none can have. */
const SIZES = ['20%', '3%'];

/** @param only  the name of a model */
export async function* budgetRows(only: string | undefined): AsyncGenerator<BudgetRow> {
  for (const model of benchModels()) {
    if (!model.task || (only !== undefined && model.name !== only)) continue;
    for (const { flags, measures, chosen } of QUESTIONS.filter((question) => question.model === model.name))
      yield await ask(model, flags, measures, chosen);
    for (const size of SIZES) yield await ask(model, ['--max-size', size], []);
  }
}

async function ask(
  { name, path, task }: BenchModel,
  flags: readonly string[],
  measures: readonly Measure[],
  chosen?: number,
): Promise<BudgetRow> {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
  const output = join(folder, 'output.onnx');
  try {
    const data = (await task?.choose(mkdtempSync(join(folder, 'data-')), chosen)) ?? [];
    const started = performance.now();
    const { status, report, problem } = await runTersor([...flags, ...data], path, output);
    const seconds = (performance.now() - started) / 1000;
    const before = (await task?.score(path, path)) ?? {};
    const isThere = existsSync(output);
    const after = isThere ? ((await task?.score(output, path)) ?? {}) : {};
    const bytes = isThere ? statSync(output).size : Number.NaN;
    const promises = (report?.promises ?? []).map(({ promised, actual, status }) => ({ promised, actual, status }));
    return {
      model: name,
      asked: [...flags, ...(chosen === undefined ? [] : [`(${chosen} samples)`])].join(' '),
      bytes,
      status,
      measures: [
        honest({ bytes, status, promises, ...(problem && { problem }) }, statSync(path).size, flags),
        ...measures.map((measure) => measured(measure, before, after, bytes)),
      ],
      promises,
      before,
      after,
      seconds,
      ...(problem && { problem }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measured({ says, of, holds }: Measure, before: Scores, after: Scores, bytes: number): Measured {
  const [a, b] = [of(before, bytes), of(after, bytes)];
  return { says, before: a.toPrecision(4), after: b.toPrecision(4), isMet: holds(a, b) };
}

/** Status 0 with as many bytes as were asked for at most, or status 1 and a promise that is said to be missed, or what is the smallest there is. */
function honest({ bytes, status, promises, problem = '' }: Told, original: number, [, size = '']: readonly string[]): Measured {
  const most = size.endsWith('%') ? (original * Number.parseFloat(size)) / 100 : Number.parseFloat(size) * 1e6;
  const isMissed = promises.some((promise) => promise.status === 'missed');
  const isMet = status === 0 ? bytes <= most && !isMissed : status === 1 && (isMissed || problem.includes('the smallest has'));
  const after = Number.isNaN(bytes) ? problem : `${bytes} bytes, status ${status}`;
  return { says: 'kept, or refused with status 1', before: `${most.toFixed(0)} bytes`, after, isMet };
}

type Told = Pick<BudgetRow, 'bytes' | 'status' | 'promises' | 'problem'>;
