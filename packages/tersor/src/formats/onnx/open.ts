import type { Graph } from '../../core/graph.ts';
import type { Meta, Model } from '../../core/model.ts';
import type { Source, Store } from '../../core/source.ts';
import type { Range } from '../ranges.ts';
import { checkCarried } from './carried.ts';
import type { OnnxMeta } from './meta.ts';
import { orderGraph } from './order-graph.ts';
import { MODEL, OPSET } from './proto/schema.ts';
import { pieceOf, skim } from './proto/skim.ts';
import { concatenate, corrupt, count, fieldsOf, int64, payloadOf, text, textOrUndefined } from './proto/wire.ts';
import { domainOf, readGraph } from './read-graph.ts';
import { readingOf } from './reading.ts';
import { sniff } from './sniff.ts';
import { readPair } from './tensor.ts';

/**
 * Opens an ONNX model. Reads everything but the weights, which are read when they are loaded.
 *
 * Constant nodes become initializers of the graph that declares them. Up to IR version 3 every initializer had to be listed as an input,
 * too; those inputs are dropped, for no runtime lets them be fed. From version 4 on such an input is a default that can be overridden,
 * and stays. Nodes that are out of order are sorted. Model-local functions and training information are carried unread.
 *
 * @throws FILE_UNSUPPORTED when it is something else than ONNX, FILE_CORRUPT when it contradicts itself, FILE_LIMIT when it asks for more
 *   than any honest file does, FILE_MISSING when its external data is not there
 * Source: https://github.com/onnx/onnx/blob/main/docs/IR.md
 */
export async function openOnnx(store: Store, name: string): Promise<Model> {
  const source = await store.open(name);
  await sniff(source);
  const { graph: message, meta, opsets } = readModel(await skim(source), source);
  for (const range of meta.format.carried) await checkCarried(range);
  if (!message) throw corrupt(source.name, 'holds no graph', 'this is no ONNX model, or a damaged one');
  const reading = readingOf(store, name, source);
  const read = await readGraph(message, reading, opsets);
  const graph = orderGraph(meta.format.irVersion < 4 ? dropDefaults(read) : read, source.name);
  return { format: 'onnx', meta: { ...meta, files: await reading.files() }, weights: reading.weights, graph, execution: new Map() };
}

interface ModelFields {
  readonly graph: Uint8Array | undefined;
  readonly meta: Meta & { readonly format: OnnxMeta };
  readonly opsets: Graph['opsets'];
}

function readModel(header: Uint8Array, source: Source): ModelFields {
  const where = source.name;
  const graphs: Uint8Array[] = [];
  const carried: Range[] = [];
  const extra: Uint8Array[] = [];
  const opsets = new Map<string, number>();
  const properties = new Map<string, string>();
  let [irVersion, producerName, producerVersion, domain, modelVersion, doc] = [0, '', '', '', 0n, ''];
  for (const field of fieldsOf(header, where)) {
    const piece = pieceOf(field, where);
    if (piece) {
      carried.push({ source, offset: piece.offset, length: piece.length });
      continue;
    }
    switch (field.number) {
      case MODEL.irVersion:
        irVersion = count(field, where, 'IR version');
        break;
      case MODEL.producerName:
        producerName = text(field, where);
        break;
      case MODEL.producerVersion:
        producerVersion = text(field, where);
        break;
      case MODEL.domain:
        domain = text(field, where);
        break;
      case MODEL.modelVersion:
        modelVersion = int64(field, where);
        break;
      case MODEL.graph:
        graphs.push(payloadOf(field, where));
        break;
      case MODEL.opset:
        opsets.set(...readOpset(payloadOf(field, where), where));
        break;
      case MODEL.property:
        properties.set(...readPair(payloadOf(field, where), where));
        break;
      default: {
        const readable = field.number === MODEL.doc ? textOrUndefined(field.payload) : undefined;
        if (readable === undefined) extra.push(field.encoded);
        else doc = readable;
      }
    }
  }
  const format = { irVersion, producerName, producerVersion, domain, modelVersion, doc, carried, extra: concatenate(extra) };
  const meta = { properties, producer: `${producerName} ${producerVersion}`.trim(), format };
  return { graph: graphs.length > 0 ? concatenate(graphs) : undefined, meta, opsets };
}

function readOpset(message: Uint8Array, where: string): [string, number] {
  let [domain, version] = ['', 0];
  for (const field of fieldsOf(message, where)) {
    if (field.number === OPSET.domain) domain = domainOf(text(field, where));
    else if (field.number === OPSET.version) version = count(field, where, 'opset version');
  }
  return [domain, version];
}

function dropDefaults(graph: Graph): Graph {
  return { ...graph, inputs: graph.inputs.filter(({ name }) => !graph.initializers.has(name)) };
}
