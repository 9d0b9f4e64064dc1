import { createHash, randomUUID } from 'node:crypto';
import { type StateLink, stateLinks } from '../core/state-links.ts';
import { SOURCE_ARRAY, stepName } from '../data/recording.ts';
import { bytesOf, capture } from './capture.ts';
import type { RecordingFolder } from './folder-node.ts';
import { placeOf } from './reservoir.ts';
import { rememberOrigins } from './sequences-node.ts';
import { type NpyArray, writeNpz } from './write-npz.ts';

export interface Limits {
  readonly samples: number;
  readonly steps: number;
  readonly bytes: number;
  readonly seed: number;
}

export interface Names {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

type Fed = Readonly<Record<string, unknown>>;
type Step = ReadonlyMap<string, NpyArray>;

/** So many sequences are held in memory; the one that began first is closed for the next. */
const MAX_OPEN = 16;

/** One run, or the runs that state joins. */
interface Sequence {
  /** Where it is kept; undefined where it is not. */
  place: number | undefined;
  /** That of the sequence that it goes on with, where that became too long. */
  readonly source: string;
  readonly steps: Step[];
  /** Of all steps, also where they are not kept. */
  length: number;
  bytes: number;
  written: number;
}

/** Decides which runs are kept, and keeps them. */
export interface Recorder {
  /** Before a run: the application may change its buffers while it runs. @returns what to call with the outputs when it succeeded */
  before(feeds: Fed): (outputs: Fed) => void;
  /** Writes what is not written yet. */
  finish(): void;
  /** Runs, or sequences, so far. */
  seen(): number;
}

export function openRecorder(folder: RecordingFolder, names: Names, { samples, steps, bytes, seed }: Limits): Recorder {
  const links = stateLinks(toInfos(names.inputs), toInfos(names.outputs));
  const origins = rememberOrigins<Sequence>(links);
  const places: (Sequence | undefined)[] = [];
  const open: Sequence[] = [];
  const digests = new Map<number, string>();
  let seen = folder.seen;

  const begin = (before: Sequence | undefined): Sequence => {
    const place = placeOf(seen, samples, seed);
    const source = before?.source ?? randomUUID();
    seen++;
    const sequence: Sequence = { place, source, steps: [], length: 0, bytes: 0, written: 0 };
    if (place === undefined) return sequence;
    const last = places[place];
    if (last) forget(last);
    places[place] = sequence;
    if (open.push(sequence) > MAX_OPEN) close(open[0]!);
    return sequence;
  };

  /** What is written of it stays. */
  const forget = (sequence: Sequence) => {
    sequence.place = undefined;
    sequence.steps.length = 0;
    const at = open.indexOf(sequence);
    if (at >= 0) open.splice(at, 1);
  };

  const close = (sequence: Sequence) => {
    write(sequence);
    forget(sequence);
  };

  const write = (sequence: Sequence) => {
    const { place, steps: kept } = sequence;
    if (place === undefined || sequence.written === kept.length) return;
    const arrays = kept.flatMap((step, at) => [...step].map(([name, array]) => [stepName(at, name), array] as const));
    const source = { descr: '<U', shape: [], data: [sequence.source] };
    const file = writeNpz(new Map<string, NpyArray>(links.length > 0 ? [...arrays, [SOURCE_ARRAY, source]] : arrays));
    sequence.written = kept.length;
    if (folder.bytes() - folder.bytesAt(place) + file.length > bytes) return forget(sequence);
    folder.put(place, file);
  };

  const isKnown = (step: Step, place: number): boolean => {
    const digest = digestOf(step);
    for (const [other, known] of digests) if (known === digest && other !== place) return true;
    digests.set(place, digest);
    return false;
  };

  return {
    before(feeds) {
      const known = links.map((link) => ({ link, origin: origins.of(feeds[link.input]) }));
      const found = known.find(({ link, origin }) => origin && isNext(origin.sequence, origin.step, link, origin.output));
      const continued = found?.origin && found.origin.sequence.length < steps ? found.origin.sequence : undefined;
      const sequence = continued ?? begin(found?.origin?.sequence);
      const fed = new Set(
        known.flatMap(({ link, origin }) =>
          origin && origin.sequence === continued && isNext(continued, origin.step, link, origin.output) ? [link.input] : [],
        ),
      );
      const step = sequence.place === undefined ? undefined : captureAll(feeds, names.inputs, fed);
      const at = sequence.length;
      return (outputs) => {
        // two runs went on from the same state: the other one was quicker
        if (sequence.length !== at) return;
        sequence.length++;
        if (links.length > 0) origins.remember(outputs, sequence, sequence.length);
        if (sequence.place === undefined) return;
        if (!step) return close(sequence);
        if (links.length === 0 && isKnown(step, sequence.place)) {
          seen--;
          return forget(sequence);
        }
        sequence.bytes += [...step.values()].reduce((sum, array) => sum + bytesOf(array), 0);
        if (sequence.bytes > bytes) return close(sequence);
        sequence.steps.push(step);
        if (links.length === 0 || sequence.length === steps) close(sequence);
        // at every doubling, so that a process that is killed has lost half of a sequence at most
        else if ((sequence.length & (sequence.length - 1)) === 0) write(sequence);
      };
    },
    finish() {
      for (const sequence of [...open]) close(sequence);
    },
    seen: () => seen,
  };
}

function isNext(sequence: Sequence, step: number, link: StateLink, output: string): boolean {
  return step === sequence.length && output === link.output;
}

/** @param except  state that the run before gave */
function captureAll(feeds: Fed, inputs: readonly string[], except: ReadonlySet<string>): Step | undefined {
  const step = new Map<string, NpyArray>();
  for (const name of inputs) {
    if (except.has(name)) continue;
    const array = capture(feeds[name]);
    if (!array) return undefined;
    step.set(name, array);
  }
  return step;
}

function digestOf(step: Step): string {
  const hash = createHash('sha256');
  for (const [name, { descr, shape, data }] of step) {
    hash.update(JSON.stringify([name, descr, shape]));
    hash.update(data instanceof Uint8Array ? data : JSON.stringify(data));
  }
  return hash.digest('hex');
}

function toInfos(names: readonly string[]): { readonly name: string }[] {
  return names.map((name) => ({ name }));
}
