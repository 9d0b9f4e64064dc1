import type { Asked } from '../core/asked.ts';
import type { Engine, Feeds, Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import { countUses } from '../core/graph-edit/uses.ts';
import type { Model } from '../core/model.ts';
import type { QualityReport, SpeedReport } from '../core/report.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { stateLinks } from '../core/state-links.ts';
import { splitHalves } from '../data/choose.ts';
import { digestOfAll } from '../data/digest-node.ts';
import { openEvaluation } from '../data/evaluation-node.ts';
import { openData } from '../data/open-data-node.ts';
import { parsePreprocess } from '../data/preprocess.ts';
import { settle } from '../data/settle.ts';
import { openEngine } from '../engine/engine-node.ts';
import { openJudge } from '../evaluate/judge.ts';
import { judgeTask, type Scores, toScores } from '../evaluate/judge-task.ts';
import { distinctShapes, latency } from '../evaluate/latency.ts';
import { openMemory, type RunMemory } from '../evaluate/memory.ts';
import { type OutputKind, outputKinds } from '../evaluate/output-kinds.ts';
import { runSample } from '../evaluate/run-sample.ts';
import { cacheFolder } from '../io/node-cache.ts';
import { openElsewhere, type Running } from './elsewhere.ts';
import type { Job } from './job.ts';
import type { Trial } from './locate.ts';
import { openRunner, type Runner } from './runner.ts';

/** The original, running on the target's runtime, and the inputs by which a result is judged against it. */
export interface Referee {
  readonly engine: Engine;
  readonly original: Session;
  /** What measurements depend on besides the model: the runtime, the inputs of every part, what outputs mean. Absent where a user's module decides. */
  readonly circumstances?: string;
  readonly evidence: Samples['evidence'];
  /** The inputs of every part. */
  readonly parts: Readonly<Record<Part, Samples>>;
  /** What each output means. */
  readonly kinds: ReadonlyMap<string, OutputKind>;
  /** How a session's outputs compare with the original's: on some part of the inputs. */
  compare(session: Session, part: Part, onSample?: OnSample): Promise<QualityReport>;
  /** The same, but when the user has a measure of their own, the verdict is that measure's. */
  judge(session: Session, part: Part, onSample?: OnSample): Promise<QualityReport>;
  /** How a session's latency compares with the original's; on another runtime, with the original's there. */
  race(session: Session, there?: Running): Promise<SpeedReport>;
  /** Runs models on a part of the inputs, or on some of its samples, to see what flows through them. */
  runner(part: Part, some?: readonly Sample[]): Runner;
  /** What a part of the inputs makes the original be fed with, step by step. */
  trials(part: Part): AsyncGenerator<Trial>;
  /** The browser that results are to run in, too; undefined where that was not asked for, or is not to be had. Started once. @throws ENGINE_MISSING */
  elsewhere(): Promise<Running | undefined>;
  /** Whether every step of every sample is on its own. */
  readonly isStateless: boolean;
  /** Inputs of different shapes to time by while choosing. */
  readonly shapes: readonly Feeds[];
  /** The same on `shapes`. */
  raceQuickly(session: Session): Promise<SpeedReport>;
  /** How often a model other than the original ran on a sample so far. */
  forwards(): number;
  /** Peak memory, in bytes, of a runtime of its own that loads the model at `path` and runs one sample; undefined where it cannot be known. */
  footprint(path: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Called before each sample with those done and in all. */
type OnSample = (done: number, total: number) => void;

/**
 * Half of the inputs to prove with. Of the other half, methods observe one half, and what they make of it is chosen by the other (layers are ranked by a few of
 * them, which takes many runs): what errors were made up for on says little of how large they are elsewhere.
 */
export type Part = 'observe' | 'rank' | 'choose' | 'prove' | 'all';

/**
 * Made-up inputs are free, running the model on them is not. A small model gets more of them: where a sample is a single decision, one percent
 * cannot be told by a few.
 */
const SYNTHETIC_SAMPLES = { least: 32, most: 256, work: 3e8 };
/** What an element of an input makes a model compute, in bytes of weights that would make it compute as much; about right for convolutions. */
const WORK_PER_ELEMENT = 100;
/** Enough to put layers in order, which takes many runs; a small model's layers are told apart by more. What they add up to is measured on all. */
const RANKING_SAMPLES = { least: 6, most: 24, work: 2.5e8 };
/** Long enough to tell while choosing; the proof takes its time. */
const QUICK_RACE_MS = 2000;
/** Outputs of the original that are kept, so that it need not run again for every question. */
const MAX_KEPT_BYTES = 256_000_000;

/** What is kept beside them of what outputs mean. */
const MAX_REMEMBERED_BYTES = 128_000_000;

interface Run {
  readonly feeds: Feeds;
  readonly outputs: Feeds;
  /** Absent where the run is not kept. */
  readonly memory?: RunMemory;
}

/**
 * Starts the runtime, loads the original and settles on inputs.
 * @throws ENGINE_MISSING, ENGINE_CRASHED, MODEL_INVALID when the runtime refuses the original, DATA_INVALID, FILE_MISSING, INTERRUPTED
 */
export async function openReferee(job: Job): Promise<Referee> {
  const { asked, input, target, kernels, seed } = job;
  if (!input.model.graph) {
    const example =
      input.format.id === 'gguf' ? 'model.gguf --type Q4_K_M, or --max-size 4GB' : 'fp16 --type bf16 model.safetensors -o half.safetensors';
    const hint = `name what is to be done with it: tersor ${example}`;
    throw new TersorError('MODEL_INVALID', input.path, 'is a checkpoint: weights without the graph that a runtime needs', hint);
  }
  job.progress('load');
  const engine = await openEngine({ target, ...(asked.signal && { signal: asked.signal }) });
  try {
    if (engine.notice) job.note(engine.name, engine.notice);
    const original = await engine.open({ path: input.stock });
    const samples = await openSamples(job, original, asked);
    for (const note of [...samples.notes, ...unreadInputs(input.model)]) job.note('inputs', note);
    const digest = digestOfAll(samples.samples);
    const cache = asked.cache === false ? undefined : (asked.cache ?? cacheFolder());
    const around = {
      format: input.format,
      target,
      kernels,
      ...(asked.signal && { signal: asked.signal }),
      ...(cache !== undefined && { cache }),
      onSample: (done: number, total: number) => job.progress('observe', done, total),
    };
    const links = stateLinks(original.inputs, original.outputs);
    const kinds = outputKinds(original.outputs, { graph: input.model.graph, links, ...(asked.outputs && { overrides: asked.outputs }) });
    const { choose: first, prove } = splitHalves(samples, seed);
    const { choose: observe, prove: choose } = samples.evidence === 'data' ? splitHalves(first, seed) : { choose: first, prove: first };
    const few = choose.samples.slice(0, enoughOf(RANKING_SAMPLES, input.bytes, choose.samples));
    const parts = { observe, rank: { ...choose, samples: few }, choose, prove, all: samples };
    const kept = new Map<Sample, readonly Run[]>();
    let keptBytes = 0;
    const remember = openMemory(MAX_REMEMBERED_BYTES);
    let forwards = 0;

    /** The original on one sample: remembered as long as there is room. */
    const originalOn = async (sample: Sample): Promise<readonly Run[]> => {
      const known = kept.get(sample);
      if (known) return known;
      const runs: Run[] = [];
      for await (const run of runSample(original, sample, links)) runs.push(run);
      const bytes = runs.reduce((sum, { outputs }) => sum + bytesOf(outputs), 0);
      if (keptBytes + bytes <= MAX_KEPT_BYTES) {
        const lasting = runs.map((run) => ({ ...run, memory: remember() }));
        kept.set(sample, lasting);
        keptBytes += bytes;
        return lasting;
      }
      return runs;
    };

    const compare: Referee['compare'] = async (session, part, onSample) => {
      const judge = openJudge(kinds);
      const { samples: chosen } = parts[part];
      for (const [index, sample] of chosen.entries()) {
        asked.signal?.throwIfAborted();
        onSample?.(index, chosen.length);
        const runs = await originalOn(sample);
        forwards += 1;
        let step = 0;
        for await (const { outputs } of runSample(session, sample, links)) {
          const run = runs[step++];
          if (run) judge.add(index, run.outputs, outputs, run.feeds, run.memory);
        }
      }
      return { ...judge.report(parts[part], seed, asked.subsets), digest };
    };

    async function* trials(part: Part): AsyncGenerator<Trial> {
      for (const sample of parts[part].samples) {
        for (const [step, { feeds }] of (await originalOn(sample)).entries()) {
          asked.signal?.throwIfAborted();
          yield { about: sample.steps.length > 1 ? `${sample.id}, step ${step}` : sample.id, feeds };
        }
      }
    }

    let there: Promise<Running | undefined> | undefined;
    const score = asked.eval === undefined ? undefined : await openScore(asked.eval, original, job);
    const shapes = distinctShapes(choose.samples);
    const referee: Referee = {
      engine,
      original,
      ...(!score && { circumstances: JSON.stringify([engine.name, digest, seed, [...kinds], choose.samples.map(({ id }) => id)]) }),
      isStateless: links.length === 0,
      shapes,
      raceQuickly: (session) => latency(engine, original, session, shapes, { seed, maxMs: QUICK_RACE_MS }),
      forwards: () => forwards,
      evidence: score && !score.usesSamples ? 'data' : samples.evidence,
      parts,
      kinds,
      compare,
      async judge(session, part, onSample) {
        const compared = await compare(session, part, onSample);
        if (!score) return compared;
        const { outputs, worst, labelled } = compared;
        return { ...(await score.judge(session, parts[part])), digest, outputs, ...(worst && { worst }), ...(labelled && { labelled }) };
      },
      race: (session, on = { engine, original }) => latency(on.engine, on.original, session, distinctShapes(prove.samples), { seed }),
      runner: (part, some) => openRunner(engine, { ...parts[part], ...(some && { samples: some }) }, links.length === 0, around),
      trials,
      elsewhere: () => {
        there ??= openElsewhere(job);
        return there;
      },
      async footprint(path) {
        const alone = await openEngine({ target, ...(asked.signal && { signal: asked.signal }) });
        try {
          const session = await alone.open({ path });
          for (const sample of samples.samples.slice(0, 1)) for await (const _ of runSample(session, sample, links));
          return await alone.peakMemory();
        } finally {
          await alone.close();
        }
      },
      async close() {
        await (await there?.catch(() => undefined))?.engine.close();
        await engine.close();
      },
    };
    job.runner = referee.runner('observe');
    return referee;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** What is fed and changes nothing: data for it says nothing about the model. */
function unreadInputs({ graph }: Model): string[] {
  if (!graph) return [];
  const uses = countUses(graph);
  return graph.inputs.flatMap(({ name }) => (uses.has(name) ? [] : [`${name} is read by no operator: whatever it is fed changes nothing`]));
}

/** A user's own measure, against what it says of the original. @throws DATA_INVALID, FILE_MISSING */
async function openScore(path: string, original: Session, { seed, asked: { signal } }: Job) {
  const { measure, usesSamples } = await openEvaluation(path, signal);
  const known = new Map<Samples | undefined, Scores>();
  const originalOn = async (samples: Samples): Promise<Scores> => {
    const key = usesSamples ? samples : undefined;
    const before = known.get(key) ?? toScores(await measure(original, samples), path);
    known.set(key, before);
    return before;
  };
  // a module that fails does so before the work begins
  if (!usesSamples) await originalOn({ evidence: 'data', source: path, samples: [], notes: [] });
  return {
    usesSamples,
    async judge(session: Session, samples: Samples): Promise<QualityReport> {
      const quality = judgeTask(await originalOn(samples), toScores(await measure(session, samples), path), path, seed);
      return usesSamples ? { ...quality, evidence: samples.evidence } : quality;
    },
  };
}

function openSamples(job: Job, session: Session, { data, preprocess, samples, signal }: Asked): Promise<Samples> {
  const {
    input: { model, path },
    seed,
  } = job;
  if (data === undefined && preprocess !== undefined)
    throw new TersorError('OPTION_VALUE', '--preprocess', 'there are no inputs to prepare', 'name them with --data');
  if (data === undefined) return samples === undefined ? settleOnEnough(job, session) : settle(session, { samples, seed, model });
  return openData(data, session.inputs, {
    seed,
    outputs: session.outputs,
    model: path,
    ...(preprocess !== undefined && { preprocess: parsePreprocess(preprocess) }),
    ...(samples !== undefined && { samples }),
    ...(signal && { signal }),
  });
}

async function settleOnEnough({ input: { model, bytes }, seed }: Job, session: Session): Promise<Samples> {
  const few = await settle(session, { samples: SYNTHETIC_SAMPLES.least, seed, model });
  const enough = enoughOf(SYNTHETIC_SAMPLES, bytes, few.samples);
  return enough === SYNTHETIC_SAMPLES.least ? few : settle(session, { samples: enough, seed, model });
}

interface Effort {
  readonly least: number;
  readonly most: number;
  /** Of all, where one takes about the bytes of the model and `WORK_PER_ELEMENT`. */
  readonly work: number;
}

/** The more the less a sample takes. */
function enoughOf({ least, most, work }: Effort, modelBytes: number, samples: readonly Sample[]): number {
  const elements = (samples[0]?.steps ?? []).flatMap((feeds) => Object.values(feeds)).reduce((sum, { data }) => sum + data.length, 0);
  return Math.max(least, Math.min(most, Math.floor(work / (modelBytes + elements * WORK_PER_ELEMENT))));
}

function bytesOf(values: Feeds): number {
  return Object.values(values).reduce((sum, { data }) => sum + ('byteLength' in data ? data.byteLength : 0), 0);
}
