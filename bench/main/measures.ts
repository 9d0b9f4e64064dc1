import { at, type Scores } from '../tasks/task.ts';

/** One way to call the command. */
export interface Run {
  readonly command: readonly string[];
  /** With the choosing half of the task's data. */
  readonly data: boolean;
}

/** What a result is judged by. */
export interface Result {
  readonly bytes: number;
  /** Bytes over the original's. */
  readonly share: number;
  readonly latency: number;
  readonly before: Scores;
  readonly after: Scores;
  /** The command says that no promise was missed. */
  readonly isKept: boolean;
}

/** What a result must show. */
interface Measure {
  /** In words. */
  readonly says: string;
  holds(result: Result): boolean;
}

/** Of one model, where its task's data are there. */
interface TaskMeasure extends Run, Measure {
  readonly model: string;
}

/** What part of the original's bytes any result may have, and how much slower it may be. */
const LARGEST = 0.55;
export const SLOWEST = 1.1;

const AS_IT_COMES = { command: [], data: false } as const;
const WITH_DATA = { command: [], data: true } as const;
const ROUNDING = { command: ['rtn', '--bits', '8'], data: false } as const;
const withData = (...command: readonly string[]): Run => ({ command, data: true });

/** How the command is called on every model, and what must come of it. */
const EVERYWHERE: readonly Run[] = [AS_IT_COMES, WITH_DATA];
export const GENERAL: Measure = {
  says: `promises kept, < ${(LARGEST * 100).toFixed(0)} %, <= ${SLOWEST}x`,
  holds: ({ isKept, share, latency }) => isKept && share < LARGEST && latency <= SLOWEST,
};

const VISION = ['mobilenet-v2', 'efficientnet-lite0'];

const MEASURES: readonly TaskMeasure[] = [
  {
    model: 'minilm',
    ...AS_IT_COMES,
    says: '<= 23.0 MB, cosine >= 0.999, <= 1.05x',
    holds: ({ bytes, latency, after }) => bytes <= 23.0e6 && latency <= 1.05 && at(after, 'cosine') >= 0.999,
  },
  {
    model: 'silero-v5',
    ...ROUNDING,
    says: '<= 0.9 MB, AUC >= 0.994',
    holds: ({ bytes, after }) => bytes <= 0.9e6 && at(after, 'auc') >= 0.994,
  },
  {
    model: 'ocr-rec',
    ...ROUNDING,
    says: '<= 3.0 MB, CER <= 1.02x',
    holds: ({ bytes, before, after }) => bytes <= 3.0e6 && at(after, 'cer') <= 1.02 * at(before, 'cer'),
  },
  {
    model: 'minilm',
    ...withData('--max-size', '17MB'),
    says: '<= 17 MB, cosine >= 0.99, acc@1 within 1 %',
    holds: ({ bytes, before, after }) => bytes <= 17e6 && at(after, 'cosine') >= 0.99 && at(after, 'acc@1') >= 0.99 * at(before, 'acc@1'),
  },
  {
    model: 'minilm',
    ...withData('--max-latency', '0.5x', '--max-drop', '3%'),
    says: '<= 23.0 MB, cosine >= 0.99, <= 0.5x',
    holds: ({ bytes, latency, after }) => bytes <= 23.0e6 && latency <= 0.5 && at(after, 'cosine') >= 0.99,
  },
  {
    model: 'ocr-rec',
    ...withData('--max-size', '3MB'),
    says: '<= 3.0 MB, CER <= 1.01x, exact lines >= 0.97x',
    holds: ({ bytes, before, after }) =>
      bytes <= 3.0e6 && at(after, 'cer') <= 1.01 * at(before, 'cer') && at(after, 'exact') >= 0.97 * at(before, 'exact'),
  },
  {
    model: 'ocr-det',
    ...WITH_DATA,
    says: '<= 1.4 MB, mask IoU >= 0.98',
    holds: ({ bytes, after }) => bytes <= 1.4e6 && at(after, 'iou') >= 0.98,
  },
  {
    model: 'silero-v5',
    ...WITH_DATA,
    says: '<= 0.75 MB, AUC >= 0.994',
    holds: ({ bytes, after }) => bytes <= 0.75e6 && at(after, 'auc') >= 0.994,
  },
  ...VISION.flatMap((model): TaskMeasure[] => [
    {
      model,
      ...withData('--max-drop', '0.5%'),
      says: '<= 45 %, agreement >= 99 %',
      holds: ({ share, after }) => share <= 0.45 && at(after, 'agreement') >= 0.99,
    },
    {
      model,
      ...withData('--max-size', '27%'),
      says: '<= 27 %, KL <= 0.01, top-1 within a point',
      holds: ({ share, before, after }) =>
        share <= 0.27 && at(after, 'divergence') <= 0.01 && at(after, 'top1') >= at(before, 'top1') - 0.01,
    },
  ]),
];

/** How the command is called on a model, each way once. */
export function runsOf(model: string, hasTask: boolean): readonly Run[] {
  const runs = [...EVERYWHERE, ...MEASURES.filter((measure) => measure.model === model)].filter(({ data }) => hasTask || !data);
  return [...new Map(runs.map(({ command, data }) => [JSON.stringify([command, data]), { command, data }])).values()];
}

export function isGeneral(run: Run): boolean {
  return EVERYWHERE.some((each) => isSame(each, run));
}

export function measuresOf(model: string, run: Run): readonly Measure[] {
  return MEASURES.filter((measure) => measure.model === model && isSame(measure, run));
}

function isSame(a: Run, b: Run): boolean {
  return a.data === b.data && a.command.join() === b.command.join();
}
