import type { BlockSpec, QuantizedBlocks, Summary } from '../core/kernels.ts';
import type { Loops } from './loops.ts';
import { bytesOf, type Instances, instancesOf, type Numbers } from './memory.ts';
import { summaryOf } from './reference/summarize.ts';
import { largestPiece, piecesOf, TILE_ELEMENTS } from './tiles.ts';
import { unwritten } from './unwritten.ts';
import { WASM } from './wasm.gen.ts';
import { wasmChooseLevels } from './wasm-choose-levels.ts';
import { wasmCoding } from './wasm-coding.ts';
import { wasmCompensate } from './wasm-compensate.ts';
import { wasmGguf } from './wasm-gguf.ts';
import { wasmHistogram } from './wasm-histogram.ts';
import { wasmMasks } from './wasm-masks.ts';
import { wasmMultiplyRows } from './wasm-multiply-rows.ts';
import { wasmQuantize } from './wasm-quantize.ts';
import { wasmTranspose } from './wasm-transpose.ts';
import { wasmVectors } from './wasm-vectors.ts';

/** Compiles the inlined module; about a millisecond. */
export function compileKernels(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Uint8Array.from(atob(WASM), (character) => character.charCodeAt(0)));
}

/**
 * The loops in WebAssembly, with the bits of the readable reference. Inputs go through the module's memory tile by tile, so that a tile
 * is still in the cache when it is read, and the memory stays small.
 */
export function wasmLoops(module: WebAssembly.Module): Loops {
  const instances = instancesOf(module);
  const map = <O extends Numbers>(kernel: string, input: Lane<Numbers>, output: Lane<O>, count: number, ...more: number[]) =>
    mapElements(instances, kernel, input, output, count, more);
  return {
    dequantize: (blocks, spec) => dequantize(instances, blocks, spec),
    toHalf: (values, unit = 1) =>
      map('toHalf', lane(values, 32), lane(new Uint16Array(unwritten(values.length * 2)), 16), values.length, 1 / unit),
    fromHalf: (bits) => map('fromHalf', lane(bits, 16), lane(new Float32Array(unwritten(bits.length * 4)), 32), bits.length),
    toBfloat16: (values) => map('toBfloat16', lane(values, 32), lane(new Uint16Array(unwritten(values.length * 2)), 16), values.length),
    fromBfloat16: (bits) => map('fromBfloat16', lane(bits, 16), lane(new Float32Array(unwritten(bits.length * 4)), 32), bits.length),
    pack: (codes, bits) =>
      map(`pack${bits}`, lane(codes, 8), lane(new Uint8Array(unwritten(packedBytes(codes.length, bits))), bits), codes.length),
    unpack: (bytes, bits, count) => map(`unpack${bits}`, lane(bytes, bits), lane(new Uint8Array(unwritten(count)), 8), count),
    summarize: (values) => summarize(instances, values),
    ...wasmQuantize(instances),
    ...wasmGguf(instances),
    ...wasmHistogram(instances),
    ...wasmCompensate(instances),
    ...wasmVectors(instances),
    ...wasmMultiplyRows(instances),
    chooseLevels: wasmChooseLevels(instances),
    ...wasmMasks(instances),
    ...wasmTranspose(instances),
    ...wasmCoding(instances),
  };
}

/** One side of an elementwise kernel: an array, and how many bits of it belong to an element. */
interface Lane<T extends Numbers> {
  readonly array: T;
  readonly bits: number;
}

function lane<T extends Numbers>(array: T, bits: number): Lane<T> {
  return { array, bits };
}

/** Kernels work on multiples of this many elements; the rest of the last run is filled with zeros. */
const RUN = 64;

function mapElements<O extends Numbers>(
  instances: Instances,
  kernel: string,
  input: Lane<Numbers>,
  output: Lane<O>,
  count: number,
  more: readonly number[],
): O {
  const most = Math.min(TILE_ELEMENTS, roundUp(count, RUN));
  const inputBytes = bytesOf(input.array);
  const outputBytes = bytesOf(output.array);
  instances.use([packedBytes(most, input.bits), packedBytes(most, output.bits)], ({ call, bytes }, from, to) => {
    for (let start = 0; start < count; start += TILE_ELEMENTS) {
      const elements = Math.min(TILE_ELEMENTS, count - start);
      const padded = roundUp(elements, RUN);
      copyIn(bytes, from, inputBytes, packedBytes(start, input.bits), packedBytes(elements, input.bits), packedBytes(padded, input.bits));
      call(kernel, from, padded, to, ...more);
      outputBytes.set(bytes.subarray(to, to + packedBytes(elements, output.bits)), packedBytes(start, output.bits));
    }
  });
  return output.array;
}

function dequantize(instances: Instances, { codes, scales, zeros, bits }: QuantizedBlocks, spec: BlockSpec): Float32Array {
  const values = new Float32Array(unwritten(codes.length * 4));
  const output = bytesOf(values);
  const scaleBytes = bytesOf(scales);
  const most = largestPiece(spec);
  instances.use(
    [most.elements * 4, most.elements, most.blocks * 4, most.blocks],
    ({ call, bytes }, to, fromCodes, fromScales, fromZeros) => {
      for (const { start, firstBlock, rows, columns, block, blocks } of piecesOf(spec)) {
        const count = rows * columns;
        bytes.set(codes.subarray(start, start + count), fromCodes);
        bytes.set(scaleBytes.subarray(firstBlock * 4, (firstBlock + blocks) * 4), fromScales);
        if (zeros) bytes.set(zeros.subarray(firstBlock, firstBlock + blocks), fromZeros);
        else bytes.fill(2 ** (bits - 1), fromZeros, fromZeros + blocks);
        call('dequantize', fromCodes, rows, columns, block, fromScales, fromZeros, to);
        output.set(bytes.subarray(to, to + count * 4), start * 4);
      }
    },
  );
  return values;
}

const STATE_BYTES = 144;
const [NONE, LEAST] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

function summarize(instances: Instances, values: Float32Array): Summary {
  const input = bytesOf(values);
  const tile = Math.min(TILE_ELEMENTS, roundUp(values.length, RUN));
  return instances.use([tile * 4, STATE_BYTES], ({ call, bytes }, from, at) => {
    const extremes = new Float32Array(bytes.buffer, at, 12);
    const counts = new Int32Array(bytes.buffer, at + 48, 8);
    const sums = new Float64Array(bytes.buffer, at + 80, 8);
    extremes.fill(LEAST, 0, 4).fill(NONE, 4, 8).fill(LEAST, 8, 12);
    counts.fill(0);
    sums.fill(0);
    for (let start = 0; start < values.length; start += TILE_ELEMENTS) {
      const elements = Math.min(TILE_ELEMENTS, values.length - start);
      // Not a number counts as broken, so what is filled in can be taken off again without touching the extremes.
      bytes.set(input.subarray(start * 4, (start + elements) * 4), from);
      new Float32Array(bytes.buffer, from + elements * 4, roundUp(elements, 4) - elements).fill(Number.NaN);
      call('summarizeTile', from, roundUp(elements, 4), at);
    }
    return summaryOf({
      min: Math.min(...extremes.subarray(0, 4)),
      max: Math.max(...extremes.subarray(4, 8)),
      least: Math.min(...extremes.subarray(8, 12)),
      zeros: 0 - total(counts.subarray(0, 4)),
      nonFinite: 0 - total(counts.subarray(4, 8)) - (roundUp(values.length, 4) - values.length),
      sums: fourOf(sums, 0),
      squares: fourOf(sums, 4),
    });
  });
}

function fourOf(values: Float64Array, first: number): [number, number, number, number] {
  return [values[first]!, values[first + 1]!, values[first + 2]!, values[first + 3]!];
}

function total(values: Int32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function copyIn(memory: Uint8Array, to: number, source: Uint8Array, start: number, length: number, padded: number): void {
  memory.set(source.subarray(start, start + length), to);
  if (padded > length) memory.fill(0, to + length, to + padded);
}

function packedBytes(elements: number, bits: number): number {
  return Math.ceil((elements * bits) / 8);
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
