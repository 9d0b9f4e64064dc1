import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { decode } from '../../packages/tersor/src/core/decode.ts';
import { elementsOf } from '../../packages/tersor/src/core/dtype.ts';
import type { Weight } from '../../packages/tersor/src/core/model.ts';
import { rowsOf } from '../../packages/tersor/src/core/rows.ts';
import { gguf } from '../../packages/tersor/src/formats/gguf/gguf.ts';
import { readImatrix } from '../../packages/tersor/src/formats/gguf/imatrix.ts';
import { openNodeStore } from '../../packages/tersor/src/io/node-store.ts';

/** Root mean square errors as a share of the values' own; `weighted`: with squares weighted by importances. */
export interface Errors {
  /** Of all weights that a model holds in blocks. */
  readonly error: number;
  readonly weightedError: number;
  /** Of those that have the type asked for; where there are none, of all. */
  readonly ownError: number;
  readonly ownWeightedError: number;
}

interface Measured extends Errors {
  /** Of all weights' bytes. */
  readonly digest: string;
}

/** Of every weight of a model that is larger than this, so many runs of 8 rows stand for all. */
const LARGE = 2 ** 25;
const RUNS = 32;

/** Measures models against `original`, with the importances of an imatrix file. Of large models, some rows stand for all. */
export async function openErrors(original: string, imatrix: string): Promise<(path: string, type: string) => Promise<Measured>> {
  const { model: before } = await openModel(original);
  const isLarge = [...before.weights.values()].reduce((sum, { shape }) => sum + elementsOf(shape), 0) > LARGE;
  const store = openNodeStore(dirname(imatrix));
  const { weights: importances } = await readImatrix(await store.open(basename(imatrix)));
  await store.close();
  return async (path, type) => {
    const { model: after, store: read } = await openModel(path);
    const hash = createHash('sha256');
    const all = { error: 0, size: 0, weightedError: 0, weightedSize: 0 };
    const own = { ...all };
    for (const weight of after.weights.values()) {
      const stored = await weight.load();
      if ('bytes' in stored) hash.update(weight.id).update(stored.bytes);
      const first = before.weights.get(weight.id);
      if (weight.layout.kind !== 'blocks' || !first) continue;
      const [x, y] = isLarge ? [await someRows(first), await someRows(weight)] : [decode(await first.load()), decode(stored)];
      const columns = weight.shape.at(-1) ?? 1;
      const counts = importances.get(weight.id)?.meanSquares ?? new Float32Array(columns).fill(1);
      const sums = { error: 0, size: 0, weightedError: 0, weightedSize: 0 };
      for (let i = 0; i < x.length; i++) {
        const [square, error, count] = [x[i]! ** 2, (x[i]! - y[i]!) ** 2, counts[i % columns]!];
        sums.error += error;
        sums.size += square;
        sums.weightedError += count * error;
        sums.weightedSize += count * square;
      }
      const share = x.length / elementsOf(weight.shape);
      for (const total of weight.layout.type === type ? [all, own] : [all]) {
        total.error += sums.error / share;
        total.size += sums.size / share;
        total.weightedError += sums.weightedError / share;
        total.weightedSize += sums.weightedSize / share;
      }
    }
    await read.close();
    const [error, weightedError] = rootsOf(all);
    const [ownError, ownWeightedError] = rootsOf(own.size > 0 ? own : all);
    return { error, weightedError, ownError, ownWeightedError, digest: hash.digest('hex') };
  };
}

function rootsOf(sums: { error: number; size: number; weightedError: number; weightedSize: number }): readonly [number, number] {
  return [Math.sqrt(sums.error / sums.size), Math.sqrt(sums.weightedError / sums.weightedSize)];
}

async function someRows({ shape, load }: Weight): Promise<Float32Array> {
  const { rows, columns } = rowsOf(shape);
  const { rows: loadRows } = load;
  if (!loadRows || rows <= 8 * RUNS) return decode(await load());
  const values = new Float32Array(8 * RUNS * columns);
  for (let i = 0; i < RUNS; i++) {
    const start = Math.floor((i * (rows - 8)) / (RUNS - 1));
    values.set(decode(await loadRows(start, start + 8)), 8 * i * columns);
  }
  return values;
}

async function openModel(path: string) {
  const store = openNodeStore(dirname(path));
  return { store, model: await gguf.open(store, basename(path)) };
}
