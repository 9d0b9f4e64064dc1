import { basename } from 'node:path';
import { abortable } from '../core/abortable.ts';
import { TersorError } from '../core/error.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { splitAnnotation } from './annotate.ts';
import { distinct } from './gather.ts';
import { loadModule } from './module-node.ts';
import type { Reading } from './reading.ts';
import { toFeeds, toSample } from './to-feeds.ts';

/**
 * Samples that the default export of a JavaScript module yields, or what it returns when it is a function.
 * @throws DATA_INVALID
 */
export async function openModule(path: string, reading: Reading): Promise<Samples> {
  const name = basename(path);
  const exported = await abortable(loadModule(path), reading.signal);
  const source = typeof exported === 'function' ? await called(() => exported(), name, reading.signal) : exported;
  if (isIterable(source)) return openIterable(source, name, reading);
  throw new TersorError(
    'DATA_INVALID',
    name,
    'its default export yields nothing',
    'export default an (async) iterable of feeds, or a generator function',
  );
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

/**
 * Samples that a caller gives: feeds, or lists of feeds for sequences; the first ones, since there may be no end.
 * @throws DATA_INVALID
 */
export async function openIterable(
  source: Iterable<unknown> | AsyncIterable<unknown>,
  name: string,
  { wanted, limit, signal }: Reading,
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
    const { rest, annotation } = splitAnnotation(next.value, wanted, id);
    const steps: readonly unknown[] = Array.isArray(rest) ? rest : [rest];
    if (steps.length === 0) throw new TersorError('DATA_INVALID', id, 'is a sequence without steps');
    const feeds = steps.map((step, index) => toFeeds(step, wanted, steps.length > 1 ? `${id}[${index}]` : id));
    found.push({ ...toSample(id, feeds, wanted), ...annotation });
  }
  if (found.length === 0) throw new TersorError('DATA_INVALID', name, 'yields no samples', 'yield one object of inputs per sample');
  const different = distinct(found);
  return { evidence: 'data', source: name, samples: different.samples, notes: [...notes, ...different.notes] };
}

async function* iterate(source: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* source;
}

function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}
