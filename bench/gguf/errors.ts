import { basename, dirname } from 'node:path';
import { decode } from '../../packages/tersor/src/core/decode.ts';
import { gguf } from '../../packages/tersor/src/formats/gguf/gguf.ts';
import { readImatrix } from '../../packages/tersor/src/formats/gguf/imatrix.ts';
import { openNodeStore } from '../../packages/tersor/src/io/node-store.ts';

/** Of all weights that a model holds in blocks: root mean square errors as a share of the values' own. */
export interface Errors {
  readonly error: number;
  /** With squares weighted by importances. */
  readonly weightedError: number;
}

/** Measures models against `original`, with the importances of an imatrix file. */
export async function openErrors(original: string, imatrix: string): Promise<(path: string) => Promise<Errors>> {
  const before = await openModel(original);
  const store = openNodeStore(dirname(imatrix));
  const { weights: importances } = await readImatrix(await store.open(basename(imatrix)));
  await store.close();
  return async (path) => {
    const after = await openModel(path);
    const sums = { error: 0, size: 0, weightedError: 0, weightedSize: 0 };
    for (const weight of after.weights.values()) {
      const first = before.weights.get(weight.id);
      if (weight.layout.kind !== 'blocks' || !first) continue;
      const [x, y] = [decode(await first.load()), decode(await weight.load())];
      const columns = weight.shape.at(-1) ?? 1;
      const counts = importances.get(weight.id)?.meanSquares ?? new Float32Array(columns).fill(1);
      for (let i = 0; i < x.length; i++) {
        const [square, error, count] = [x[i]! ** 2, (x[i]! - y[i]!) ** 2, counts[i % columns]!];
        sums.error += error;
        sums.size += square;
        sums.weightedError += count * error;
        sums.weightedSize += count * square;
      }
    }
    return { error: Math.sqrt(sums.error / sums.size), weightedError: Math.sqrt(sums.weightedError / sums.weightedSize) };
  };
}

function openModel(path: string) {
  return gguf.open(openNodeStore(dirname(path)), basename(path));
}
