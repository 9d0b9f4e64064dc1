import { elementsOf } from '../../src/core/dtype.ts';
import { bytesOf, type Layout } from '../../src/core/layout.ts';
import { type Load, type Model, mapWeights, type Weight } from '../../src/core/model.ts';
import { rowsOf } from '../../src/core/rows.ts';
import type { Tensor } from '../../src/core/tensor.ts';

/** The model as a file gives it whose weights are to be had row by row. */
export function loadedByRows(model: Model): Model {
  return mapWeights(model, (weight) => ({ ...weight, load: byRows(weight) }));
}

function byRows({ shape, layout, load }: Weight): Load {
  const { rows: count, columns } = rowsOf(shape);
  if (elementsOf(shape) === 0) return load;
  const rowBytes = bytesOf({ shape: [1, columns], layout });
  let loaded: ReturnType<Load> | undefined;
  return Object.assign(() => load(), {
    rows: async (start: number, end: number) => {
      if (!(start >= 0 && start < end && end <= count)) throw new RangeError(`rows ${start} to ${end} of ${count}`);
      loaded ??= load();
      const bytes = bytesIn(await loaded).slice(start * rowBytes, end * rowBytes);
      return { ...layout, shape: [end - start, columns], bytes } as Tensor;
    },
  });
}

/** The bytes of a weight, pulled in runs of as many rows, the last one shorter. */
export async function pulledByRows({ shape, load, layout }: Weight, step: number): Promise<Uint8Array> {
  const { rows: count, columns } = rowsOf(shape);
  const parts: Uint8Array[] = [];
  for (let start = 0; start < count; start += step) {
    const part = await load.rows?.(start, Math.min(count, start + step));
    if (!part || part.shape.join() !== `${Math.min(step, count - start)},${columns}`)
      throw new RangeError(`rows from ${start} on: [${part?.shape}]`);
    parts.push(bytesIn(part, layout));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** @param layout  what the tensor is to have */
export function bytesIn(tensor: Tensor, layout?: Layout): Uint8Array {
  if (tensor.kind !== 'dense' && tensor.kind !== 'blocks') throw new TypeError(`${tensor.kind} values have other parts`);
  if (layout && tensor.bytes.length !== bytesOf({ shape: tensor.shape, layout })) throw new RangeError(`${tensor.bytes.length} bytes`);
  return tensor.bytes;
}
