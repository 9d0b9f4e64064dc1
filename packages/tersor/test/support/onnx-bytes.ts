import {
  encodeBytes,
  encodeMessage,
  encodeText,
  encodeVarint,
  flatten,
  messageOf,
  type Part,
} from '../../src/formats/onnx/proto/encode.ts';
import { ATTRIBUTE, ATTRIBUTE_TYPE, GRAPH, MODEL, NODE, OPSET, TENSOR, VALUE } from '../../src/formats/onnx/proto/schema.ts';
import { concatenate } from '../../src/formats/onnx/proto/wire.ts';

/** Files that no exporter writes, put together field by field. */
export function modelBytes(graph: readonly Part[], { ir = 8, opset = 17 } = {}): Uint8Array {
  return bytesOf([
    encodeVarint(MODEL.irVersion, ir),
    encodeMessage(MODEL.graph, graph),
    encodeMessage(MODEL.opset, [encodeVarint(OPSET.version, opset)]),
  ]);
}

export function bytesOf(parts: readonly Part[]): Uint8Array {
  const chunks = [...flatten(messageOf(parts))].map((part) => {
    if (part instanceof Uint8Array) return part;
    throw new Error('bytes only');
  });
  return concatenate(chunks);
}

export const node = (op: string, inputs: readonly string[], outputs: readonly string[], more: readonly Part[] = []): Part =>
  encodeMessage(GRAPH.node, [
    ...inputs.map((name) => encodeText(NODE.input, name)),
    ...outputs.map((name) => encodeText(NODE.output, name)),
    encodeText(NODE.op, op),
    ...more,
  ]);

export const graphAttribute = (name: string, graph: readonly Part[]): Part =>
  encodeMessage(NODE.attribute, [
    encodeText(ATTRIBUTE.name, name),
    encodeMessage(ATTRIBUTE.graph, graph),
    encodeVarint(ATTRIBUTE.type, ATTRIBUTE_TYPE.graph),
  ]);

export const input = (name: string): Part => encodeMessage(GRAPH.input, [encodeText(VALUE.name, name)]);
export const output = (name: string): Part => encodeMessage(GRAPH.output, [encodeText(VALUE.name, name)]);

/** A float tensor with the given dimensions, followed by whatever holds its values. */
export const initializer = (name: string, dims: readonly (number | bigint)[], values: readonly Part[], type = 1): Part =>
  encodeMessage(GRAPH.initializer, [
    ...dims.map((size) => encodeVarint(TENSOR.dims, size)),
    encodeVarint(TENSOR.type, type),
    encodeText(TENSOR.name, name),
    ...values,
  ]);

export const raw = (length: number): Part => encodeBytes(TENSOR.raw, new Uint8Array(length));

export const external = (pairs: Readonly<Record<string, string>>): Part[] => [
  ...Object.entries(pairs).map(([key, value]) => encodeMessage(TENSOR.external, [encodeText(1, key), encodeText(2, value)])),
  encodeVarint(TENSOR.location, 1),
];
