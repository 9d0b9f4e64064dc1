import type { Phase, Progress } from '../core/progress.ts';
import { printable } from '../core/text/printable.ts';
import { bytesText, durationText } from '../core/text/units.ts';
import type { Screen } from './shell.ts';
import { bar } from './text/bar.ts';
import { cut, padEnd, shorten, widthOf } from './text/width.ts';

/** Shows progress; `end` leaves a clean line behind. */
export interface ProgressLine {
  show(progress: Progress): void;
  end(): void;
}

const PHASES: Readonly<Record<Phase, string>> = {
  read: 'Reading',
  load: 'Starting',
  observe: 'Observing',
  choose: 'Choosing',
  measure: 'Measuring',
  predict: 'Comparing',
  calibrate: 'Repeating',
  write: 'Writing',
  verify: 'Verifying',
  time: 'Timing',
  weigh: 'Weighing',
  pack: 'Packing',
  unpack: 'Unpacking',
};
const PHASE_WIDTH = Math.max(...Object.values(PHASES).map((name) => name.length));
const BAR_WIDTH = 24;
/** Less of a name says nothing. */
const SHORTEST_SUBJECT = 8;
const CLEAR_LINE = '\r\u001b[2K';
/** Often enough to look alive, seldom enough to cost nothing. */
const REDRAW_MS = 80;
const LOG_MS = 10_000;
/** Where no total is known, seconds that pass show that work goes on. */
const TICK_MS = 1000;
/** Before that, the rate is a guess. */
const SECONDS_BEFORE_ESTIMATE = 1;

/** One line that is rewritten on a terminal; in a log, a line where a phase begins and one every ten seconds. */
export function progressLine(screen: Screen, now: () => number = () => performance.now()): ProgressLine {
  let current: Progress | undefined;
  let began = 0;
  let first = 0;
  let last = Number.NEGATIVE_INFINITY;
  let drawn = false;

  const show = (progress: Progress) => {
    const time = now();
    const isNew = progress.phase !== current?.phase || progress.model?.number !== current.model?.number || progress.done < current.done;
    if (isNew) [began, first] = [time, progress.done];
    current = progress;
    if (!isNew && time - last < (screen.live ? REDRAW_MS : LOG_MS)) return;
    last = time;
    const line = progressText(progress, { seconds: (time - began) / 1000, done: progress.done - first }, screen);
    screen.write(screen.live ? CLEAR_LINE + line : `${line}\n`);
    drawn = screen.live;
  };
  const ticking = screen.live ? setInterval(() => current && show(current), TICK_MS).unref() : undefined;
  const end = () => {
    clearInterval(ticking);
    if (drawn) screen.write(CLEAR_LINE);
    drawn = false;
  };
  return { show, end };
}

/** What was done since the phase began: less than is done, where an earlier run had done some. */
interface Passed {
  readonly seconds: number;
  readonly done: number;
}

/** One line without its end. On a terminal it leaves the last column free, for some wrap when it is written. */
export function progressText(
  { phase, done, total, about = '', model }: Progress,
  passed: Passed,
  { columns, live, colors }: Screen,
): string {
  const rate = passed.seconds < SECONDS_BEFORE_ESTIMATE || done >= total ? 0 : passed.done / passed.seconds;
  const speed = rate > 0 && phase === 'write' ? `${bytesText(rate)}/s` : '';
  const known =
    total > 0
      ? [percent(done / total).padStart(live ? 5 : 0), timeLeft(total - done, rate), speed].filter(Boolean).join('  ')
      : timePassed(passed.seconds);
  const subject = printable([model?.name, about].filter(Boolean).join('  '));
  const which = model && model.count > 1 ? `${model.number}/${model.count} ` : '';
  if (!live) return [which + PHASES[phase], known, subject].filter(Boolean).join('  ');
  const room = columns - 1;
  const name = which + padEnd(PHASES[phase], PHASE_WIDTH);
  const drawn = total > 0 ? `  ${colors.cyan(padEnd(bar(done / total, BAR_WIDTH), BAR_WIDTH))}` : '';
  const versions = [`${colors.bold(name)}${drawn}  ${known}`, `${colors.bold(name)}  ${known}`].map((text) => text.trimEnd());
  const head = versions.find((text) => widthOf(text) <= room) ?? cut(`${name}  ${known}`, room);
  const rest = room - widthOf(head) - 2;
  return subject !== '' && rest >= SHORTEST_SUBJECT ? `${head}  ${colors.dim(shorten(subject, rest))}` : head;
}

function percent(share: number): string {
  return `${Math.floor(Math.min(1, share) * 100)} %`;
}

function timePassed(seconds: number): string {
  return seconds < SECONDS_BEFORE_ESTIMATE ? '' : durationText(Math.floor(seconds));
}

/** @param rate  of the unit of `left` in a second */
function timeLeft(left: number, rate: number): string {
  return rate > 0 ? `${durationText(Math.max(1, Math.round(left / rate)))} left` : '';
}
