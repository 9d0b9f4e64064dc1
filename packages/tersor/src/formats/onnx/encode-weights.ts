import { denseBytes } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Graph, Node, WeightId } from '../../core/graph.ts';
import type { Model } from '../../core/model.ts';
import type { SparseTensor, Tensor } from '../../core/tensor.ts';
import { storedPieces } from '../stored-pieces.ts';
import type { EncodeWeights } from './encode-graph.ts';
import {
  encodeHead,
  encodeMessage,
  encodeOptional,
  encodePayload,
  encodeRepeated,
  encodeText,
  encodeVarint,
  type Part,
  type Payload,
  sizeOf,
} from './proto/encode.ts';
import { EXTERNAL, GRAPH, PAIR, SPARSE, TENSOR, TYPE_CODES } from './proto/schema.ts';
import { sharedWeights } from './shared-weights.ts';
import type { OnnxWeight } from './weight.ts';

/** Below this many bytes a copy is smaller than an Identity node, and external data costs more than it saves. */
const SMALL = 1024;

/** Large tensors begin at a page of memory, so that a runtime can map them; small ones at a cache line. */
const PAGE = 4096;
const LINE = 64;
const LARGE = 64 * 1024;

/** How the weights of one model are encoded, and what has been laid out so far. */
export interface WeightEncoder {
  readonly encode: EncodeWeights;
  /** Bytes of each weight: its fields and, with padding, its part of the data file. */
  readonly sizes: ReadonlyMap<WeightId, number>;
  /** Bytes of the data file so far. */
  dataSize(): number;
}

/** @param location of the data file; absent: every weight is stored inside the model */
export function weightEncoder(model: Model, root: Graph, location?: string): WeightEncoder {
  const sizes = new Map<WeightId, number>();
  const laid = new Map<WeightId, number>();
  const shared = location === undefined ? sharedWeights(root, (id) => plainBytes(findWeight(model, id)) >= SMALL) : new Map();
  let end = 0;

  const outside = (weight: OnnxWeight, length: number, file: string): Part[] => {
    const first = laid.get(weight.id);
    const offset = first ?? align(end, length);
    if (first === undefined) {
      sizes.set(weight.id, (sizes.get(weight.id) ?? 0) + offset + length - end);
      laid.set(weight.id, offset);
      end = offset + length;
    }
    const pairs = { location: file, offset: String(offset), length: String(length) };
    return [
      ...Object.entries(pairs).map(([key, value]) =>
        encodeMessage(TENSOR.external, [encodeText(PAIR.key, key), encodeText(PAIR.value, value)]),
      ),
      encodeVarint(TENSOR.location, EXTERNAL),
      ...(first === undefined ? payloads(weight, length, offset) : []),
    ];
  };

  const encodeWeight = (name: string, weight: OnnxWeight): Part => {
    const { layout } = weight;
    if (layout.kind === 'affine' || layout.kind === 'levels' || layout.kind === 'codebook')
      throw new TersorError('INTERNAL', weight.id, 'reached the writer before it was lowered');
    if (layout.kind === 'sparse') return encodeSparse(name, weight, layout.nonzero);
    const length = plainBytes(weight);
    const parts =
      location !== undefined && length >= SMALL && weight.dtype !== 'string' ? outside(weight, length, location) : inside(weight, length);
    return encodeMessage(GRAPH.initializer, tensorFields(name, weight, parts));
  };

  return {
    sizes,
    dataSize: () => end,
    encode(graph) {
      const names: ReadonlyMap<string, string> = shared.get(graph) ?? new Map();
      const fields: Part[] = [];
      for (const [name, id] of graph.initializers) {
        if (names.has(name)) continue;
        const field = encodeWeight(name, findWeight(model, id));
        sizes.set(id, (sizes.get(id) ?? 0) + sizeOf(field));
        fields.push(field);
      }
      return { fields, nodes: [...names].filter(([name, first]) => name !== first).map(([name, first]) => identity(first, name)) };
    },
  };
}

function findWeight(model: Model, id: WeightId): OnnxWeight {
  const weight = model.weights.get(id);
  if (!weight) throw new TersorError('INTERNAL', id, 'is declared by the graph and missing in the model');
  return weight;
}

/** Bytes of the values alone. */
function plainBytes({ shape, layout, textBytes }: OnnxWeight): number {
  if (textBytes !== undefined) return textBytes;
  return layout.kind === 'dense' ? denseBytes(layout.dtype, shape) : 0;
}

function align(offset: number, length: number): number {
  const unit = length >= LARGE ? PAGE : LINE;
  return Math.ceil(offset / unit) * unit;
}

function identity(from: string, to: string): Node {
  return { name: '', op: 'Identity', domain: '', inputs: [from], outputs: [to], attributes: new Map(), graphs: new Map() };
}

function tensorFields(name: string, { shape, dtype, layout, extra }: OnnxWeight, values: readonly Part[]): Part[] {
  const stored = layout.kind === 'dense' && dtype !== 'string' ? layout.dtype : dtype;
  return [
    ...encodeRepeated(TENSOR.dims, shape),
    encodeVarint(TENSOR.type, TYPE_CODES[stored]),
    ...encodeOptional(TENSOR.name, name),
    ...(extra ? [extra] : []),
    ...values,
  ];
}

/** Text is stored as its `string_data` fields, all else as `raw_data`. */
function inside(weight: OnnxWeight, length: number): Part[] {
  const values = payloads(weight, length);
  return weight.dtype === 'string' ? values : [encodeHead(TENSOR.raw, length), ...values];
}

function payloads(weight: OnnxWeight, length: number, aside?: number): Payload[] {
  return storedPieces(weight, length).map(({ at, size, load }) =>
    aside === undefined ? { size, load } : { size: 0, aside: { offset: aside + at, size }, load },
  );
}

function encodeSparse(name: string, weight: OnnxWeight, nonzero: number): Part {
  if (weight.layout.kind !== 'sparse') throw new TersorError('INTERNAL', weight.id, 'is not sparse');
  const { dtype } = weight.layout.values;
  let loaded: Promise<SparseTensor> | undefined;
  const values = async () => {
    loaded = sparseValues(weight, nonzero);
    return (await loaded).values.bytes;
  };
  // pulled right after the values, which are let go then
  const positions = async () => {
    const { indices } = await (loaded ?? sparseValues(weight, nonzero));
    loaded = undefined;
    const wide = BigInt64Array.from(indices, BigInt);
    return new Uint8Array(wide.buffer);
  };
  const tensor = (number: number, code: number, own: string, payload: Payload) =>
    encodeMessage(number, [
      ...encodeRepeated(TENSOR.dims, [nonzero]),
      encodeVarint(TENSOR.type, code),
      ...encodeOptional(TENSOR.name, own),
      encodePayload(TENSOR.raw, payload),
    ]);
  return encodeMessage(GRAPH.sparse, [
    tensor(SPARSE.values, TYPE_CODES[dtype], name, { size: denseBytes(dtype, [nonzero]), load: values }),
    tensor(SPARSE.indices, TYPE_CODES.i64, '', { size: nonzero * 8, load: positions }),
    ...encodeRepeated(SPARSE.dims, weight.shape),
  ]);
}

async function sparseValues(weight: OnnxWeight, nonzero: number): Promise<SparseTensor> {
  const tensor: Tensor = await weight.load();
  if (tensor.kind !== 'sparse' || tensor.indices.length !== nonzero) {
    throw new TersorError('INTERNAL', weight.id, `was planned as ${nonzero} values and their places, and loaded as ${tensor.kind}`);
  }
  return tensor;
}
