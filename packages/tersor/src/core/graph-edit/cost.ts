import type { Attribute, Node } from '../graph.ts';
import { bytesOf } from '../layout.ts';
import type { Weight } from '../model.ts';

/** Bytes that a node takes in a protobuf file, never more than it does: what removing it saves. Subgraphs are not counted. */
export function nodeBytes({ name, op, domain, inputs, outputs, attributes }: Node): number {
  const names = [name, op, domain].filter((text) => text !== '');
  return (
    [...names, ...inputs, ...outputs].reduce((sum, text) => sum + 2 + text.length, 2) +
    [...attributes].reduce((sum, [key, value]) => sum + 6 + key.length + attributeBytes(value), 0)
  );
}

/** Bytes that a constant takes in a protobuf file: values, shape, name, and the fields around them. */
export function constantBytes(name: string, weight: Pick<Weight, 'shape' | 'layout'>): number {
  const bytes = bytesOf(weight);
  const shape = weight.shape.reduce((sum, dimension) => sum + 1 + varintBytes(dimension), 0);
  const inner = shape + 2 + 2 + new TextEncoder().encode(name).length + 1 + varintBytes(bytes) + bytes;
  return 1 + varintBytes(inner) + inner;
}

function varintBytes(value: number): number {
  return Math.max(1, Math.ceil(Math.log2(value + 1) / 7));
}

function attributeBytes(attribute: Attribute): number {
  switch (attribute.kind) {
    case 'int':
      return 2;
    case 'float':
      return 5;
    case 'string':
      return 2 + attribute.value.length;
    case 'ints':
      return attribute.value.length;
    case 'floats':
      return attribute.value.length * 4;
    case 'strings':
      return attribute.value.reduce((sum, text) => sum + 2 + text.length, 0);
    case 'tensor':
      return attribute.value.bytes.length;
    case 'opaque':
      return attribute.value.length;
  }
}
