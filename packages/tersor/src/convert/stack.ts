import { TersorError } from '../core/error.ts';
import type { Weight } from '../core/model.ts';
import { rowsOf } from '../core/rows.ts';
import type { Tensor } from '../core/tensor.ts';

/** Weights of one shape and layout as one of an axis more, which comes first: GGUF keeps the experts of a layer so. */
export function stacked(parts: readonly [Weight, ...Weight[]], id: string): Weight {
  const [first] = parts;
  const shape = [parts.length, ...first.shape];
  const { rows } = rowsOf(first.shape);
  const load = async () => joined(await Promise.all(parts.map((part) => part.load())), shape, id);
  return { ...first, id, shape, load: Object.assign(load, { rows: someRows }) };

  async function someRows(start: number, end: number): Promise<Tensor> {
    const pieces: Tensor[] = [];
    for (let at = start; at < end; ) {
      const index = Math.floor(at / rows);
      const until = Math.min(end, (index + 1) * rows);
      const part = parts[index];
      if (!part) throw new TersorError('INTERNAL', id, `has no row ${at}`);
      pieces.push(await rowsFrom(part, at - index * rows, until - index * rows));
      at = until;
    }
    return joined(pieces, [end - start, first.shape.at(-1) ?? 1], id);
  }
}

/** One of the weights that a weight is stacked of. */
export function unstacked(weight: Weight, index: number): Weight {
  const shape = weight.shape.slice(1);
  const { rows } = rowsOf(shape);
  const of = (start: number, end: number) => rowsFrom(weight, index * rows + start, index * rows + end);
  const load = async () => ({ ...(await of(0, rows)), shape });
  return { ...weight, shape, load: weight.load.rows ? Object.assign(load, { rows: of }) : load };
}

async function rowsFrom({ id, load, shape }: Weight, start: number, end: number): Promise<Tensor> {
  if (load.rows) return load.rows(start, end);
  const tensor = await load();
  const row = bytesOf(tensor, id).length / rowsOf(shape).rows;
  return withBytes(tensor, bytesOf(tensor, id).subarray(start * row, end * row), [end - start, shape.at(-1) ?? 1]);
}

function joined(tensors: readonly Tensor[], shape: readonly number[], id: string): Tensor {
  const [first] = tensors;
  if (!first) throw new TersorError('INTERNAL', id, 'has no rows');
  const bytes = new Uint8Array(tensors.reduce((sum, tensor) => sum + bytesOf(tensor, id).length, 0));
  let at = 0;
  for (const tensor of tensors) {
    bytes.set(bytesOf(tensor, id), at);
    at += bytesOf(tensor, id).length;
  }
  return withBytes(first, bytes, shape);
}

function withBytes(tensor: Tensor, bytes: Uint8Array, shape: readonly number[]): Tensor {
  return tensor.kind === 'dense' || tensor.kind === 'blocks' ? { ...tensor, bytes, shape } : tensor;
}

/** @throws LAYOUT for what does not store rows one after the other */
function bytesOf(tensor: Tensor, id: string): Uint8Array {
  if (tensor.kind === 'dense' || tensor.kind === 'blocks') return tensor.bytes;
  throw new TersorError('LAYOUT', id, `is stored as ${tensor.kind} values, which are not taken apart`, 'decode it first: --type F16');
}
