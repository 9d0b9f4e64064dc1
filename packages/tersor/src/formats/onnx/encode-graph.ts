import type { Attribute, Graph, Node, ValueInfo } from '../../core/graph.ts';
import {
  encodeBytes,
  encodeFloat,
  encodeFloats,
  encodeMessage,
  encodeOptional,
  encodeRepeated,
  encodeText,
  encodeVarint,
  type Part,
} from './proto/encode.ts';
import { ATTRIBUTE, ATTRIBUTE_TYPE, DIMENSION, GRAPH, NODE, SHAPE, TENSOR, TENSOR_TYPE, TYPE, TYPE_CODES, VALUE } from './proto/schema.ts';

/** Encodes the weights that a graph declares: whole fields of its GraphProto, and nodes that must come first. */
export type EncodeWeights = (graph: Graph) => { readonly nodes: readonly Node[]; readonly fields: readonly Part[] };

/** The fields of a GraphProto, in the order of their numbers, those that tersor does not know last. */
export function encodeGraph(graph: Graph, encodeWeights: EncodeWeights): Part[] {
  // before its own weights, so that weights are met in the order of the file: those of branches lie inside nodes
  const nodes = graph.nodes.map((node) => encodeMessage(GRAPH.node, encodeNode(node, encodeWeights)));
  const own = encodeWeights(graph);
  return [
    ...own.nodes.map((node) => encodeMessage(GRAPH.node, encodeNode(node, encodeWeights))),
    ...nodes,
    ...encodeOptional(GRAPH.name, graph.name),
    ...own.fields,
    ...encodeOptional(GRAPH.doc, graph.doc ?? ''),
    ...graph.inputs.map((value) => encodeValue(GRAPH.input, value)),
    ...graph.outputs.map((value) => encodeValue(GRAPH.output, value)),
    ...[...graph.values.values()].map((value) => encodeValue(GRAPH.value, value)),
    ...(graph.extra ? [graph.extra] : []),
  ];
}

function encodeNode(node: Node, encodeWeights: EncodeWeights): Part[] {
  return [
    ...node.inputs.map((name) => encodeText(NODE.input, name)),
    ...node.outputs.map((name) => encodeText(NODE.output, name)),
    ...encodeOptional(NODE.name, node.name),
    encodeText(NODE.op, node.op),
    ...[...node.attributes].map(([name, attribute]) => encodeAttribute(name, attribute)),
    ...[...node.graphs].map(([name, graph]) =>
      encodeMessage(NODE.attribute, [
        encodeText(ATTRIBUTE.name, name),
        encodeMessage(ATTRIBUTE.graph, encodeGraph(graph, encodeWeights)),
        encodeVarint(ATTRIBUTE.type, ATTRIBUTE_TYPE.graph),
      ]),
    ),
    ...encodeOptional(NODE.domain, node.domain),
    ...(node.extra ? [node.extra] : []),
  ];
}

function encodeAttribute(name: string, attribute: Attribute): Part {
  if (attribute.kind === 'opaque') return encodeBytes(NODE.attribute, attribute.value);
  return encodeMessage(NODE.attribute, [
    encodeText(ATTRIBUTE.name, name),
    ...encodeAttributeValue(attribute),
    encodeVarint(ATTRIBUTE.type, ATTRIBUTE_TYPE[attribute.kind]),
    ...(attribute.extra ? [attribute.extra] : []),
  ]);
}

function encodeAttributeValue(attribute: Exclude<Attribute, { kind: 'opaque' }>): Part[] {
  switch (attribute.kind) {
    case 'int':
      return [encodeVarint(ATTRIBUTE.int, attribute.value)];
    case 'float':
      return [encodeFloat(ATTRIBUTE.float, attribute.value)];
    case 'string':
      return [encodeBytes(ATTRIBUTE.string, attribute.value)];
    case 'ints':
      return encodeRepeated(ATTRIBUTE.ints, attribute.value);
    case 'floats':
      return attribute.value.length > 0 ? [encodeFloats(ATTRIBUTE.floats, attribute.value)] : [];
    case 'strings':
      return attribute.value.map((value) => encodeBytes(ATTRIBUTE.strings, value));
    case 'tensor': {
      const { dtype, shape, bytes } = attribute.value;
      return [
        encodeMessage(ATTRIBUTE.tensor, [
          ...encodeRepeated(TENSOR.dims, shape),
          encodeVarint(TENSOR.type, TYPE_CODES[dtype]),
          encodeBytes(TENSOR.raw, bytes),
        ]),
      ];
    }
  }
}

function encodeValue(number: number, { name, dtype, shape, denotations, opaqueType, doc, extra }: ValueInfo): Part {
  const type =
    dtype === undefined
      ? []
      : [
          encodeMessage(VALUE.type, [
            encodeMessage(TYPE.tensor, [
              encodeVarint(TENSOR_TYPE.element, TYPE_CODES[dtype]),
              ...(shape
                ? [
                    encodeMessage(
                      TENSOR_TYPE.shape,
                      shape.map((size, axis) => encodeAxis(size, denotations?.[axis] ?? '')),
                    ),
                  ]
                : []),
            ]),
          ]),
        ];
  return encodeMessage(number, [
    ...encodeOptional(VALUE.name, name),
    ...(opaqueType ? [encodeBytes(VALUE.type, opaqueType)] : type),
    ...encodeOptional(VALUE.doc, doc ?? ''),
    ...(extra ? [extra] : []),
  ]);
}

function encodeAxis(size: number | string | undefined, denotation: string): Part {
  return encodeMessage(SHAPE.dimension, [
    ...(typeof size === 'number' ? [encodeVarint(DIMENSION.value, size)] : []),
    ...(typeof size === 'string' ? [encodeText(DIMENSION.symbol, size)] : []),
    ...encodeOptional(DIMENSION.denotation, denotation),
  ]);
}
