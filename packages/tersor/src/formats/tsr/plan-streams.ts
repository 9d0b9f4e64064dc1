import { BLOCK_TYPES } from '../../core/blocks/block-types.ts';
import { BITS, type DType, isFloat, rowLength, type Shape } from '../../core/dtype.ts';
import type { Layout } from '../../core/layout.ts';
import type { Model } from '../../core/model.ts';
import { rangeOf } from '../ranges.ts';

/** Where a weight's values lie in a file. */
export interface Extent {
  readonly name: string;
  /** Of its elements, as people call it: f32, Q4_K. */
  readonly type: string;
  readonly offset: number;
  readonly bytes: number;
  /** Bytes of an element, or of what is coded like one. */
  readonly width: number;
  readonly turned: boolean;
  /** Elements in a row; 0 when they are no matrix. */
  readonly columns: number;
}

/** Bytes of one kind that are coded together: those of a weight, of several small ones, or what lies between weights. */
export interface StreamPlan extends Omit<Extent, 'offset'> {
  /** In the file, in order. */
  readonly parts: readonly { readonly offset: number; readonly bytes: number }[];
}

export interface StreamsPlan {
  readonly streams: readonly StreamPlan[];
  /** The file from its beginning: the next so many bytes of a stream. */
  readonly pieces: readonly { readonly stream: number; readonly bytes: number }[];
}

/** Smaller weights share a stream with others of their type: a table of their own would be larger than what it saves. */
const SMALL_BYTES = 16384;
/** Longer rows of blocks are coded block by block. */
const LONGEST_ROW = 4096;

/** Where the weights lie whose values are in this file as they are; those that were packed into fields of text or lie elsewhere are left out. */
export function extentsOf(model: Model, file: string): Extent[] {
  const extents: Extent[] = [];
  for (const { id, layout, shape, load, dtype } of model.weights.values()) {
    const range = rangeOf({ id, layout, shape, load, dtype });
    if (range?.source.name === file && range.length > 0)
      extents.push({ name: id, offset: range.offset, bytes: range.length, ...typeOf(layout, shape) });
  }
  return extents;
}

function typeOf(layout: Layout, shape: Shape): Omit<Extent, 'name' | 'offset' | 'bytes'> {
  if (layout.kind === 'blocks') {
    const { values, bytes } = BLOCK_TYPES[layout.type];
    const row = ((shape.at(-1) ?? values) / values) * bytes;
    return { type: layout.type, width: 1, turned: false, columns: row <= LONGEST_ROW ? row : bytes };
  }
  return denseType(layout.kind === 'dense' ? layout.dtype : 'u8', shape);
}

export function denseType(dtype: DType, shape: Shape): Omit<Extent, 'name' | 'offset' | 'bytes'> {
  const bits = BITS[dtype];
  const width = dtype === 'c64' || dtype === 'c128' ? bits / 16 : Math.max(1, bits / 8);
  const columns = (rowLength(shape) * bits) / 8 / width;
  return { type: dtype, width, turned: isFloat(dtype) || bits > width * 8, columns: Number.isInteger(columns) ? columns : 0 };
}

/** Sorts a file's bytes into streams. Extents that overlap an earlier one count as what lies between. */
export function planStreams(extents: readonly Extent[], fileBytes: number): StreamsPlan {
  const streams: (StreamPlan & { parts: { offset: number; bytes: number }[]; bytes: number })[] = [];
  const pieces: { stream: number; bytes: number }[] = [];
  const shared = new Map<string, number>();
  const open = (stream: Omit<StreamPlan, 'parts' | 'bytes'>) => streams.push({ ...stream, parts: [], bytes: 0 }) - 1;
  const append = (stream: number, offset: number, bytes: number) => {
    if (bytes === 0) return;
    streams[stream]!.parts.push({ offset, bytes });
    streams[stream]!.bytes += bytes;
    pieces.push({ stream, bytes });
  };
  const between = open({ name: 'between the weights', type: 'bytes', width: 1, turned: false, columns: 0 });
  const sharedOf = ({ type, width, turned }: Extent) => {
    const found = shared.get(type) ?? open({ name: `small weights of ${type}`, type, width, turned, columns: 0 });
    shared.set(type, found);
    return found;
  };
  let end = 0;
  for (const extent of extents.toSorted((a, b) => a.offset - b.offset || b.bytes - a.bytes)) {
    const { offset, bytes, width } = extent;
    if (offset < end || offset + bytes > fileBytes || bytes % width !== 0) continue;
    append(between, end, offset - end);
    append(bytes < SMALL_BYTES ? sharedOf(extent) : open(extent), offset, bytes);
    end = offset + bytes;
  }
  append(between, end, fileBytes - end);
  return { streams, pieces };
}
