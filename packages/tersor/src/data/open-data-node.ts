import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { abortable } from '../core/abortable.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { stateLinks } from '../core/state-links.ts';
import { choose } from './choose.ts';
import { distinct } from './gather.ts';
import { loadModule } from './module-node.ts';
import { parseNpz } from './npz.ts';
import { splitArrays } from './split-arrays.ts';
import { openJsonLines, openTextLines } from './text-node.ts';
import { toFeeds, toSample, type Wanted } from './to-feeds.ts';

/** A file or folder, or the runs themselves: feeds, or lists of feeds for sequences. */
export type DataSpec = string | Iterable<unknown> | AsyncIterable<unknown>;

export interface DataOptions {
  /** No more than these; 64 unless told. */
  readonly samples?: number;
  readonly seed?: number;
  /** The model's outputs: with them, state that is fed back may be left out of the data. */
  readonly outputs?: readonly ValueInfo[];
  /** Where the model lies, and with it the tokenizer that texts are read with. */
  readonly model?: string;
  /** Stops waiting for a module or a caller that does not yield. */
  readonly signal?: AbortSignal;
}

const DEFAULT_SAMPLES = 64;

const HINT =
  'give an .npz file or a folder of them (arrays named like the inputs), a .txt or .jsonl (with tokenizer.json beside the model), or a JavaScript module whose default export yields one object of inputs per sample';

/**
 * Samples from a user's data, checked against the model's inputs.
 * @throws DATA_INVALID, FILE_MISSING
 */
export async function openData(
  spec: DataSpec,
  inputs: readonly ValueInfo[],
  { samples = DEFAULT_SAMPLES, seed = 0, outputs = [], model, signal }: DataOptions = {},
): Promise<Samples> {
  const wanted: Wanted = { inputs, links: stateLinks(inputs, outputs) };
  if (typeof spec !== 'string') return fromIterable(spec, wanted, { limit: samples, name: 'data', signal });
  const about = await stat(spec).catch(() => undefined);
  if (!about) throw new TersorError('FILE_MISSING', spec, 'no such file or folder', HINT);
  if (!about.isDirectory() && !about.isFile())
    throw new TersorError('DATA_INVALID', basename(spec), 'is no ordinary file', 'copy it into one first');
  if (about.isDirectory()) return fromFolder(spec, wanted, samples, seed);
  const reading = { wanted, limit: samples, seed, model, signal };
  if (extname(spec) === '.npz') return fromFiles([spec], basename(spec), wanted, samples, seed);
  if (extname(spec) === '.txt') return openTextLines(spec, reading);
  if (extname(spec) === '.jsonl') return openJsonLines(spec, reading);
  if (!['.js', '.mjs', '.cjs', '.ts', '.mts'].includes(extname(spec)))
    throw new TersorError('DATA_INVALID', basename(spec), 'is no kind of data that tersor reads', HINT);
  const exported = await abortable(loadModule(spec), signal);
  const source = typeof exported === 'function' ? await called(() => exported(), basename(spec), signal) : exported;
  if (!isIterable(source))
    throw new TersorError(
      'DATA_INVALID',
      basename(spec),
      'its default export yields nothing',
      'export default an (async) iterable of feeds, or a generator function',
    );
  return fromIterable(source, wanted, { limit: samples, name: basename(spec), signal });
}

async function fromFolder(folder: string, wanted: Wanted, limit: number, seed: number): Promise<Samples> {
  const names = (await readdir(folder)).filter((name) => extname(name) === '.npz').sort();
  if (names.length === 0) throw new TersorError('DATA_INVALID', folder, 'holds no .npz files', HINT);
  // One file is one sample at least, so no more than `limit` files are needed.
  const paths = choose(names, limit, seed).map((name) => join(folder, name));
  return fromFiles(paths, `${basename(folder)} (${names.length} files)`, wanted, limit, seed);
}

/** With state, the runs of one file are the steps of one sequence; without, they are samples of their own. */
async function fromFiles(paths: readonly string[], source: string, wanted: Wanted, limit: number, seed: number): Promise<Samples> {
  const found: Sample[] = [];
  const notes: string[] = [];
  for (const path of paths) {
    const name = basename(path);
    const { feeds, note } = splitArrays(parseNpz(await readFile(path), name), wanted, name);
    const steps = wanted.links.length > 0;
    if (note && paths.length === 1) notes.push(steps ? `${note}, the steps of one sequence` : note);
    if (steps) found.push(toSample(name, feeds, wanted));
    else feeds.forEach((run, index) => void found.push(toSample(feeds.length > 1 ? `${name}[${index}]` : name, [run], wanted)));
  }
  const different = distinct(found);
  const chosen = choose(different.samples, limit, seed);
  notes.push(...different.notes);
  if (chosen.length < different.samples.length) notes.push(`${chosen.length} of ${different.samples.length} samples are used`);
  return { evidence: 'data', source, samples: chosen, notes };
}

/** What a module's own function returns. @throws DATA_INVALID when it fails */
async function called(exported: () => unknown, name: string, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return await abortable(exported(), signal);
  } catch (error) {
    throw signal?.aborted ? error : failed(error, name);
  }
}

function failed(error: unknown, where: string): TersorError {
  if (error instanceof TersorError) return error;
  return new TersorError('DATA_INVALID', where, error instanceof Error ? error.message : String(error), '', { cause: error });
}

async function fromIterable(
  source: Iterable<unknown> | AsyncIterable<unknown>,
  wanted: Wanted,
  { limit, name, signal }: { readonly limit: number; readonly name: string; readonly signal: AbortSignal | undefined },
): Promise<Samples> {
  const found: Sample[] = [];
  const notes: string[] = [];
  const items = iterate(source);
  for (;;) {
    const next = await abortable(items.next(), signal).catch((error: unknown) => {
      throw signal?.aborted ? error : failed(error, `${name}[${found.length}]`);
    });
    if (next.done) break;
    if (found.length === limit) {
      notes.push(`the first ${limit} samples are used`);
      await items.return?.(undefined);
      break;
    }
    const id = `${name}[${found.length}]`;
    const steps: readonly unknown[] = Array.isArray(next.value) ? next.value : [next.value];
    if (steps.length === 0) throw new TersorError('DATA_INVALID', id, 'is a sequence without steps');
    found.push(
      toSample(
        id,
        steps.map((step, index) => toFeeds(step, wanted, steps.length > 1 ? `${id}[${index}]` : id)),
        wanted,
      ),
    );
  }
  if (found.length === 0) throw new TersorError('DATA_INVALID', name, 'yields no samples', HINT);
  const different = distinct(found);
  return { evidence: 'data', source: name, samples: different.samples, notes: [...notes, ...different.notes] };
}

async function* iterate(source: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* source;
}

function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}
