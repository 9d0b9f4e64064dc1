import { TersorError } from '../../core/error.ts';
import type { Size } from '../../core/format.ts';
import { eachGraph, type Graph } from '../../core/graph.ts';
import type { Model } from '../../core/model.ts';
import type { Sink, Store } from '../../core/source.ts';
import { piecesOf } from '../ranges.ts';
import { encodeGraph } from './encode-graph.ts';
import { weightEncoder } from './encode-weights.ts';
import { onnxMeta } from './meta.ts';
import {
  encodeMessage,
  encodeOptional,
  encodeText,
  encodeVarint,
  flatten,
  type Message,
  messageOf,
  type Payload,
  sizeOf,
} from './proto/encode.ts';
import { irVersionOfOpset, irVersionOfType, MODEL, OPSET, PAIR } from './proto/schema.ts';

/** Protobuf, and with it every runtime, ends here. */
const PROTOBUF_LIMIT = 2 ** 31 - 1;

export interface SizeOptions {
  /** Of the model's file; external data is named after it. */
  readonly name?: string;
  /** A model with more bytes than this keeps its weights in `<name>_data` beside it. */
  readonly externalAbove?: number;
}

export interface WriteOnnxOptions extends Omit<SizeOptions, 'name'> {
  readonly signal?: AbortSignal;
  /** Called with the bytes written so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The exact size of what `writeOnnx` would write. Loads no weight. */
export function sizeOnnx(model: Model, { name = 'model.onnx', externalAbove = PROTOBUF_LIMIT }: SizeOptions = {}): Size {
  const { message, dataBytes, weights } = encodeModel(model, name, externalAbove);
  return { bytes: message.size + dataBytes, weights };
}

/**
 * Writes a model whose weights are dense or sparse. Weights are loaded one at a time, in the order of the file; the same model gives
 * the same bytes. What was read from Constant nodes is written as initializers. The IR version is raised where opset, element types or
 * initializers that are no inputs need it (4 at least).
 *
 * @returns the size, exact: files that come out different are an error
 * @throws FILE_WRITE, INTERRUPTED, and what loading throws; the caller then discards what the store has staged
 */
export async function writeOnnx(model: Model, store: Store, name: string, options: WriteOnnxOptions = {}): Promise<Size> {
  const { signal, onProgress, externalAbove = PROTOBUF_LIMIT } = options;
  const { message, dataName, dataBytes, weights } = encodeModel(model, name, externalAbove);
  const total = message.size + dataBytes;
  // created first, so that it is there before the file that names it
  const beside = dataName === undefined ? undefined : placedSink(await store.create(dataName));
  const main = placedSink(await store.create(name));
  await store.mustHaveRoom?.(total - main.kept - (beside?.kept ?? 0));
  let done = 0;
  for (const part of flatten(message)) {
    if (signal?.aborted) throw new TersorError('INTERRUPTED', name, 'writing was stopped', '', { cause: signal.reason });
    if (part instanceof Uint8Array || !part.aside) {
      await main.write(part);
      done += sizeOf(part);
    } else {
      await beside?.write({ size: part.aside.size, load: part.load }, part.aside.offset);
      done += part.aside.size;
    }
    onProgress?.(Math.min(done, total), total);
  }
  await beside?.close();
  await main.close();
  onProgress?.(total, total);
  return { bytes: total, weights };
}

/** Writes parts behind each other, or at a place of their own with zeros before it; what an interrupted run left is not loaded again. */
function placedSink(sink: Sink) {
  const { kept = 0 } = sink;
  let at = 0;
  return {
    kept,
    async write(part: Uint8Array | Pick<Payload, 'size' | 'load'>, offset = at) {
      const padding = offset - at;
      at = offset + (part instanceof Uint8Array ? part.length : part.size);
      if (at <= kept) return;
      if (padding > 0) await sink.write(new Uint8Array(padding));
      await sink.write(part instanceof Uint8Array ? part : await part.load());
      await sink.mark?.();
    },
    close: () => sink.close(),
  };
}

interface EncodedModel {
  readonly message: Message;
  readonly dataName?: string;
  readonly dataBytes: number;
  readonly weights: Size['weights'];
}

function encodeModel(model: Model, name: string, externalAbove: number): EncodedModel {
  const { graph } = model;
  if (!graph) throw new TersorError('INTERNAL', name, 'an ONNX model without a graph');
  const whole = weightEncoder(model, graph);
  const message = encodeWith(model, graph, whole.encode);
  if (message.size <= externalAbove) return { message, dataBytes: 0, weights: whole.sizes };
  const dataName = `${name}_data`;
  const split = weightEncoder(model, graph, dataName.slice(dataName.lastIndexOf('/') + 1));
  const header = encodeWith(model, graph, split.encode);
  if (header.size > PROTOBUF_LIMIT)
    throw new TersorError('FILE_LIMIT', name, `the graph without its weights takes ${header.size} bytes`, 'no runtime reads that');
  return { message: header, dataName, dataBytes: split.dataSize(), weights: split.sizes };
}

function encodeWith(model: Model, graph: Graph, encode: Parameters<typeof encodeGraph>[1]): Message {
  const meta = onnxMeta(model.meta.format);
  return messageOf([
    encodeVarint(MODEL.irVersion, irVersion(model, graph, meta.irVersion)),
    ...encodeOptional(MODEL.producerName, meta.producerName),
    ...encodeOptional(MODEL.producerVersion, meta.producerVersion),
    ...encodeOptional(MODEL.domain, meta.domain),
    ...(meta.modelVersion === 0n ? [] : [encodeVarint(MODEL.modelVersion, meta.modelVersion)]),
    ...encodeOptional(MODEL.doc, meta.doc),
    encodeMessage(MODEL.graph, encodeGraph(graph, encode)),
    ...[...graph.opsets].map(([domain, version]) =>
      encodeMessage(MODEL.opset, [...encodeOptional(OPSET.domain, domain), encodeVarint(OPSET.version, version)]),
    ),
    ...[...model.meta.properties].map(([key, value]) =>
      encodeMessage(MODEL.property, [encodeText(PAIR.key, key), encodeText(PAIR.value, value)]),
    ),
    ...meta.carried.flatMap(piecesOf),
    meta.extra,
  ]);
}

/** Initializers that are no inputs came with version 4. */
function irVersion(model: Model, graph: Graph, stated: number): number {
  const types = [...model.weights.values()].flatMap(({ layout }) => (layout.kind === 'dense' ? [layout.dtype] : []));
  const values = [...eachGraph(graph)].flatMap(({ graph }) => [...graph.inputs, ...graph.outputs]).flatMap(({ dtype }) => dtype ?? []);
  const needed = new Set([...types, ...values].map(irVersionOfType));
  return Math.max(4, stated, irVersionOfOpset(graph.opsets.get('') ?? 0), ...needed);
}
