import { type Job, openJob } from './compress/job.ts';
import { type Opened, openModel } from './compress/open-model.ts';
import { type Facts, judgePromises } from './compress/promises.ts';
import { prove } from './compress/prove.ts';
import { openReferee } from './compress/referee.ts';
import { modelFirst } from './compress/weigh.ts';
import type { Asked, AskedToCheck } from './core/asked.ts';
import { TersorError } from './core/error.ts';
import type { Check, CheckRow } from './core/report.ts';
import { integerText } from './core/text/units.ts';
import { version } from './io/node-process.ts';
import { sha256Of } from './io/node-weigh.ts';
import { parseReport, type Reported } from './report/parse-report.ts';

type Measured = Omit<Facts, 'before' | 'after'> & Pick<Check, 'quality' | 'speed' | 'runtimes' | 'seconds'>;

/**
 * Holds a model against the report that came with it: whether it is the same file, and whether it still keeps what was promised, measured
 * again against the original on the same inputs. Made for continuous integration. Nothing is written.
 *
 * A report is not trusted to name code: JavaScript that it was measured with is run only when `asked` names it too.
 *
 * @param report  what `report.json` holds, parsed as JSON and no further
 * @throws {TersorError} REPORT_INVALID, FILE_* when the model or the original cannot be read, USAGE, DATA_INVALID, MODEL_INVALID when the
 *   runtime refuses the original, INTERRUPTED
 */
export async function check(report: unknown, path: string, asked: AskedToCheck = {}): Promise<Check> {
  const reported = parseReport(report);
  if (asked.run !== false) mustBeRepeatable(reported, asked);
  const model = await openModel(path);
  try {
    const files = await fileRows(reported, model, asked.signal);
    const measured = asked.run === false ? NOT_RUN : await measure(reported, model.stock, asked);
    const { quality, speed, runtimes, seconds } = measured;
    const rows = [...files, ...inputRows(reported, quality), ...promiseRows(reported, model.bytes, measured)];
    return {
      version: version(),
      model: { path, format: model.format.id, bytes: model.bytes },
      kept: rows.every(({ status }) => status !== 'missed'),
      rows,
      ...(quality && { quality }),
      ...(speed && { speed }),
      runtimes,
      seconds,
    };
  } catch (cause) {
    if (asked.signal?.aborted) throw new TersorError('INTERRUPTED', path, 'stopped on request', '', { cause });
    throw cause;
  } finally {
    await model.close();
  }
}

const NOT_RUN: Measured = { runtimes: [], seconds: {} };

/** Whether a model is the file that a report is about. */
export async function fileRows(
  { resultBytes, sha256 }: Pick<Reported, 'resultBytes' | 'sha256'>,
  model: Opened,
  signal?: AbortSignal,
): Promise<CheckRow[]> {
  const isSame = model.bytes === resultBytes;
  const size: CheckRow = {
    name: 'bytes',
    promised: `${integerText(resultBytes)} bytes`,
    actual: integerText(model.bytes),
    status: isSame ? 'kept' : 'missed',
  };
  if (sha256 === undefined) return [size];
  const actual = await sha256Of(modelFirst(model.files), signal);
  return [
    size,
    { name: 'sha256', promised: `SHA-256 ${brief(sha256)}`, actual: brief(actual), status: actual === sha256 ? 'kept' : 'missed' },
  ];
}

/** On other inputs a promise may be kept that was not, and the other way round; that is no fault of the model, but must be seen. */
function inputRows({ digest }: Reported, quality: Check['quality']): CheckRow[] {
  if (digest === undefined || quality?.digest === undefined) return [];
  const isSame = digest === quality.digest;
  return [{ name: 'inputs', promised: 'the same inputs', actual: isSame ? 'yes' : 'no, others', status: isSame ? 'kept' : 'unverified' }];
}

function promiseRows({ conditions, input, promises }: Reported, after: number, measured: Measured): CheckRow[] {
  const isCheckpoint = promises.every(({ name }) => name !== 'loads');
  return judgePromises(conditions.budget, { before: input.bytes, after, isCheckpoint, ...measured }).map((promise) => {
    const reported = promises.find(({ name }) => name === promise.name)?.actual;
    return { ...promise, ...(reported !== undefined && { reported }) };
  });
}

async function measure(reported: Reported, path: string, asked: AskedToCheck): Promise<Measured> {
  const { original = reported.input.path } = asked;
  const job = await openOriginal(original, conditionsOf(reported, asked));
  try {
    if (job.input.bytes !== reported.input.bytes) throw notTheOriginal(original, job.input.bytes, reported.input.bytes);
    const referee = await job.clock.time('load', () => openReferee(job));
    try {
      return {
        ...(await job.clock.time('verify', () => prove(job, referee, path, reported.conditions.budget))),
        seconds: job.clock.seconds(),
      };
    } finally {
      await referee.close();
    }
  } finally {
    await job.close();
  }
}

/** As it was measured, but for what the caller says. */
function conditionsOf(
  { target, conditions }: Reported,
  { data = conditions.data, eval: module = conditions.eval, ...asked }: AskedToCheck,
): Asked {
  const { seed, preprocess, samples, outputs } = conditions;
  const { threads, signal, onProgress, browser = conditions.browser } = asked;
  return {
    target,
    seed,
    ...(data !== undefined && { data }),
    ...(preprocess !== undefined && { preprocess }),
    ...(samples !== undefined && { samples }),
    ...(outputs && { outputs }),
    ...(module !== undefined && { eval: module }),
    ...(browser !== undefined && { browser }),
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  };
}

/** Fails before the work where the same measuring is impossible, or would run code that only the report names. @throws USAGE, DATA_INVALID */
function mustBeRepeatable({ conditions, evidence }: Reported, asked: AskedToCheck): void {
  const { data, eval: module } = conditions;
  if (module !== undefined && asked.eval === undefined) throw namesCode(module, '--eval');
  if (asked.data !== undefined || module !== undefined) return;
  if (data !== undefined && /\.[cm]?[jt]s$/i.test(data)) throw namesCode(data, '--data');
  if (data === undefined && evidence === 'data')
    throw new TersorError('DATA_INVALID', 'report', 'its inputs were handed in by a program', 'name the same inputs with --data');
}

function namesCode(module: string, flag: string): TersorError {
  return new TersorError(
    'USAGE',
    'report',
    `was measured with ${module}`,
    `code that only a report names is not run; name it with ${flag}`,
  );
}

async function openOriginal(path: string, asked: Asked): Promise<Job> {
  return openJob(path, asked).catch((cause: unknown) => {
    if (!(cause instanceof TersorError) || cause.code !== 'FILE_MISSING') throw cause;
    const hint = 'it is what the model is compared with: name it with --original, or check the file alone with --no-run';
    throw new TersorError('FILE_MISSING', path, 'the original is not there', hint, { cause });
  });
}

function notTheOriginal(path: string, bytes: number, expected: number): TersorError {
  const what = `has ${integerText(bytes)} bytes, and the report's original has ${integerText(expected)}`;
  return new TersorError('REPORT_INVALID', path, what, 'name the model that was compressed with --original');
}

function brief(hash: string): string {
  return `${hash.slice(0, 12)}…`;
}
