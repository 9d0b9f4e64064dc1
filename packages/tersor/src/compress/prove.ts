import type { Budget } from '../core/asked.ts';
import type { Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { DivergenceReport, QualityReport, RuntimeReport, SpeedReport } from '../core/report.ts';
import type { Job } from './job.ts';
import { locateResult, locateRuntimes } from './locate-files.ts';
import type { Part, Referee } from './referee.ts';

/** What running a file showed. */
export interface Proof {
  readonly loads?: boolean;
  /** See `Facts.standIn`. */
  readonly standIn?: boolean;
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  readonly memory?: number;
  /** See `Referee.footprint`; measured when something is promised of it. */
  readonly footprint?: number;
  readonly runtimes: readonly RuntimeReport[];
  readonly divergence?: DivergenceReport;
}

/** A loss that no rounding explains: something is computed wrongly. */
const FAR = 0.1;

/** Loads the written file in the runtime, compares it on inputs that were not used for choosing, and times it; then in the browser, if there is one. */
export async function prove(
  job: Job,
  referee: Referee,
  path: string,
  { memory: limit, drop }: Budget,
  part: Part = 'prove',
): Promise<Proof> {
  const { name, notice } = referee.engine;
  const standIn = notice !== undefined;
  try {
    const session = await referee.engine.open({ path });
    const quality = await referee.judge(session, part, (done, total) => job.progress('verify', done, total));
    job.progress('time');
    const speed = await referee.race(session);
    const isWrong = isFar(quality, drop);
    const divergence = isWrong ? await locateResult(job, referee, path, session, part) : undefined;
    const there = isWrong ? undefined : await proveElsewhere(job, referee, path, session, part, drop);
    await session.close();
    const memory = await referee.engine.peakMemory();
    const footprint = limit === undefined ? undefined : await referee.footprint(path);
    const here: Proof = {
      loads: true,
      standIn,
      quality,
      speed,
      ...(memory !== undefined && { memory }),
      ...(footprint !== undefined && { footprint }),
      runtimes: [{ name, status: 'verified' }],
      ...(divergence && { divergence }),
    };
    const whole = there ? together(here, there) : here;
    if (!whole.standIn) return whole;
    const why = there?.notice ?? notice ?? '';
    return { ...whole, runtimes: [...whole.runtimes, { name: job.target, status: 'unverified', message: why }] };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { loads: false, runtimes: [{ name, status: 'failed', message: error.what }] };
  }
}

/** Whether an output is worthless, or so much is lost that something must be wrong. @param promised the drop that is allowed */
export function isFar({ drop, outputs }: QualityReport, promised = 0): boolean {
  return outputs.some(({ broken }) => broken) || !(drop < Math.max(FAR, 2 * promised));
}

/** What a further runtime showed. */
interface There {
  readonly runtime: RuntimeReport;
  readonly loads: boolean;
  /** It says what it is not, see `Engine.notice`. */
  readonly notice?: string;
  /** Absent when it computes the original itself differently, and so proves nothing. */
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  readonly divergence?: DivergenceReport;
}

/** The same in the browser: its outputs against the original's on the first runtime, its latency against the original's there. */
async function proveElsewhere(
  job: Job,
  referee: Referee,
  path: string,
  session: Session,
  part: Part,
  promised?: number,
): Promise<There | undefined> {
  const there = await referee.elsewhere();
  if (!there) return undefined;
  const { engine } = there;
  const { name, notice } = engine;
  const about = notice === undefined ? {} : { notice };
  try {
    const original = await referee.compare(there.original, 'rank');
    if (isFar(original, promised)) {
      const divergence = await locateRuntimes(job, referee, undefined, referee.original, there, 'rank');
      const message = `computes the original itself differently${from(divergence)}, so it says nothing about the result`;
      return { runtime: { name, status: 'failed', message }, loads: true, ...about, ...(divergence && { divergence }) };
    }
    const candidate = await engine.open({ path });
    const quality = await referee.compare(candidate, part, (done, total) => job.progress('verify', done, total));
    job.progress('time');
    const speed = await referee.race(candidate, there);
    const isWrong = isFar(quality, promised);
    const divergence = isWrong ? await locateRuntimes(job, referee, path, session, { engine, original: candidate }, part) : undefined;
    await candidate.close();
    const measured = { drop: quality.drop, ratio: speed.ratio };
    const message = `gives other answers than ${referee.engine.name}${from(divergence)}`;
    const runtime: RuntimeReport = isWrong ? { name, status: 'failed', message, ...measured } : { name, status: 'verified', ...measured };
    return { runtime, loads: true, ...about, quality, speed, ...(divergence && { divergence }) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { runtime: { name, status: 'failed', message: error.what }, loads: false, ...about };
  }
}

/** A promise holds where it holds on every runtime that was asked for; the target's own runtime says what its stand-in cannot. */
function together(here: Proof, { runtime, loads, notice, quality, speed, divergence }: There): Proof {
  const isTarget = here.standIn === true && notice === undefined && quality !== undefined;
  const worse = quality && (!here.quality || quality.drop > here.quality.drop) ? quality : here.quality;
  const slower = speed && notice === undefined && (isTarget || !here.speed || speed.ratio > here.speed.ratio) ? speed : here.speed;
  return {
    ...here,
    loads: here.loads === true && loads,
    standIn: here.standIn === true && !isTarget,
    ...(worse && { quality: worse }),
    ...(slower && { speed: slower }),
    runtimes: [...here.runtimes, runtime],
    ...(divergence && { divergence }),
  };
}

function isRefusal(error: unknown): error is TersorError {
  return error instanceof TersorError && ['MODEL_INVALID', 'RUN_FAILED'].includes(error.code);
}

function from(divergence: DivergenceReport | undefined): string {
  return divergence ? `, from ${divergence.node} (${divergence.op}) on` : '';
}
