import type { DType, Shape } from '../core/dtype.ts';
import type { CodingProfile, Kernels } from '../core/kernels.ts';
import { indexBits, matrixOf } from '../core/layout.ts';
import { isRowMajor, permute } from '../core/matrix.ts';
import { scaleUnit } from '../core/scale-unit.ts';
import type { Tensor } from '../core/tensor.ts';
import { chunkBytes } from '../formats/tsr/pack.ts';
import { denseType } from '../formats/tsr/plan-streams.ts';
import type { Numbers } from '../io/node-numbers.ts';
import { keyOf, type Option } from '../search/candidates.ts';
import { profileOf } from './attempt.ts';
import type { Job } from './job.ts';

/** Of steps in a row, each coarser one that is coded, besides the two coarsest and the finest: between them, bytes lie on lines over the logarithm of the step, to a percent. */
const CODED_EVERY = 3;

/**
 * Options with the bytes that are left of them in an entropy-coded container, in place of those in the file: weights are computed and coded. Of options that differ in their step alone,
 * some are, and others lie between them.
 */
export async function withCodedBytes(job: Job, numbers: Numbers, rows: readonly (readonly Option[])[]): Promise<Option[][]> {
  const coded: Option[][] = [];
  for (const [done, row] of rows.entries()) {
    job.progress('choose', done, rows.length, row[0]!.layer.weight.id);
    const families = row.map((option) => coarsestFirst(row.filter((other) => familyOf(other) === familyOf(option))));
    const known = new Map<Option, number>();
    for (const [at, option] of row.entries()) {
      job.asked.signal?.throwIfAborted();
      if (!isAnchor(families[at]!.indexOf(option), families[at]!.length)) continue;
      const bytes = await numbers.recall(`coded ${profileOf(job)} ${keyOf(option)}`, async () =>
        codedBytes(await option.weight.load(), job.kernels, profileOf(job)),
      );
      known.set(option, bytes);
    }
    coded.push(row.map((option, at) => ({ ...option, bytes: known.get(option) ?? between(option, families[at]!, known) })));
  }
  return coded;
}

/** What an option is but for its step; of its own where it has none. */
function familyOf(option: Option): string {
  const { step, ...rest } = option.steps?.at(-1) ?? { use: '' };
  return typeof step === 'number' && option.weight.layout.kind === 'levels'
    ? JSON.stringify([option.steps?.slice(0, -1), rest])
    : keyOf(option);
}

const stepOf = ({ steps }: Option) => Number(steps?.at(-1)?.step);

function coarsestFirst(family: readonly Option[]): Option[] {
  return family.toSorted((a, b) => stepOf(b) - stepOf(a));
}

function isAnchor(at: number, count: number): boolean {
  return at < 2 || at === count - 1 || (at - 1) % CODED_EVERY === 0;
}

/** Where an option lies on the line between the next coarser and the next finer one that are known. */
function between(option: Option, family: readonly Option[], known: ReadonlyMap<Option, number>): number {
  const at = family.indexOf(option);
  const coarser = family.slice(0, at).findLast((each) => known.has(each))!;
  const finer = family.slice(at).find((each) => known.has(each))!;
  const [from, to] = [known.get(coarser)!, known.get(finer)!];
  return Math.round(from + ((to - from) * Math.log(stepOf(coarser) / stepOf(option))) / Math.log(stepOf(coarser) / stepOf(finer)));
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
    case 'codebook': {
      const { indices, books, scales, layout } = tensor;
      const count = indices.length / layout.books;
      const bits = indexBits(layout);
      const packed = async (each: Uint8Array) => (bits === 8 ? each : kernels.pack(each, bits));
      const rows = scales.length;
      const ofBooks: Part[] = [];
      for (let at = 0; at < indices.length; at += count) {
        const bytes = await packed(indices.subarray(at, at + count));
        ofBooks.push({ bytes, dtype: 'u8', shape: bits === 8 ? [rows, count / rows] : [1, bytes.length] });
      }
      return [
        ...ofBooks,
        { bytes: bytesOf(await kernels.toHalf(books)), dtype: 'f16', shape: [books.length / layout.vector, layout.vector] },
        { bytes: bytesOf(await kernels.toHalf(scales, scaleUnit((await kernels.summarize(scales)).peak))), dtype: 'f16', shape: [rows] },
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
