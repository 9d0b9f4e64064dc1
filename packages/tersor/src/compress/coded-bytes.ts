import type { DType, Shape } from '../core/dtype.ts';
import type { CodingProfile, Kernels } from '../core/kernels.ts';
import { matrixOf } from '../core/layout.ts';
import { isRowMajor, permute } from '../core/matrix.ts';
import type { Tensor } from '../core/tensor.ts';
import { chunkBytes } from '../formats/tsr/pack.ts';
import { denseType } from '../formats/tsr/plan-streams.ts';
import type { Numbers } from '../io/node-numbers.ts';
import { keyOf, type Option } from '../search/candidates.ts';
import { profileOf } from './attempt.ts';
import type { Job } from './job.ts';

/** Options with the bytes that are left of them in an entropy-coded container, in place of those in the file: every weight is computed and coded. */
export async function withCodedBytes(job: Job, numbers: Numbers, rows: readonly (readonly Option[])[]): Promise<Option[][]> {
  const coded: Option[][] = [];
  for (const [done, row] of rows.entries()) {
    job.progress('choose', done, rows.length, row[0]!.layer.weight.id);
    const next: Option[] = [];
    for (const option of row) {
      job.asked.signal?.throwIfAborted();
      const bytes = await numbers.recall(`coded ${profileOf(job)} ${keyOf(option)}`, async () =>
        codedBytes(await option.weight.load(), job.kernels, profileOf(job)),
      );
      next.push({ ...option, bytes });
    }
    coded.push(next);
  }
  return coded;
}

async function codedBytes(tensor: Tensor, kernels: Kernels, profile: CodingProfile): Promise<number> {
  let sum = 0;
  for (const { bytes, dtype, shape } of await partsOf(tensor, kernels)) {
    const { width, turned, columns } = denseType(dtype, shape);
    const most = chunkBytes({ width, columns });
    for (let at = 0; at < bytes.length; at += most) {
      const chunk = bytes.subarray(at, at + most);
      sum += (await kernels.encodeChunk(chunk, { count: chunk.length / width, width, turned, columns }, profile)).length;
    }
  }
  return sum;
}

interface Part {
  readonly bytes: Uint8Array;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A weight as files store it: its values, or codes, scales and zero points. */
async function partsOf(tensor: Tensor, kernels: Kernels): Promise<Part[]> {
  switch (tensor.kind) {
    case 'dense':
      return [tensor];
    case 'blocks':
      return [{ bytes: tensor.bytes, dtype: 'u8', shape: [tensor.bytes.length] }];
    case 'levels': {
      const { levels, outputSteps, inputSteps, layout, shape } = tensor;
      const { rows, columns } = matrixOf({ ...layout, block: 'row' }, shape);
      const isTurned = !isRowMajor(layout.outputs);
      const stored = isTurned ? permute(levels, [rows, columns], [1, 0]) : levels;
      return [
        { bytes: bytesOf(stored), dtype: 'i16', shape: isTurned ? [columns, rows] : [rows, columns] },
        { bytes: bytesOf(outputSteps), dtype: 'i8', shape: [rows] },
        ...(inputSteps ? [{ bytes: bytesOf(inputSteps), dtype: 'i8', shape: [columns] } as const] : []),
      ];
    }
    case 'sparse':
      return [tensor.values, { bytes: bytesOf(BigInt64Array.from(tensor.indices, BigInt)), dtype: 'i64', shape: [tensor.indices.length] }];
    case 'affine': {
      const { layout, codes, scales, zeros } = tensor;
      const { rows, columns, blocks } = matrixOf(layout, tensor.shape);
      const { bits } = layout.numeric;
      const packed = async (each: Uint8Array) => (bits === 2 || bits === 4 ? kernels.pack(each, bits) : each);
      const halves = layout.scale.dtype === 'f16' ? bytesOf(await kernels.toHalf(scales)) : bytesOf(scales);
      return [
        { bytes: await packed(codes), dtype: 'u8', shape: [rows, (columns * bits) / 8] },
        { bytes: halves, dtype: layout.scale.dtype, shape: [rows, blocks] },
        ...(zeros ? [{ bytes: await packed(zeros), dtype: 'u8', shape: [rows, (blocks * bits) / 8] } as const] : []),
      ];
    }
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
