import { decode } from '../decode.ts';
import { type Attribute, attributes, type Graph, intAttribute, makeNode, type Node, type ValueInfo, type WeightId } from '../graph.ts';
import { freshName } from '../graph-edit/names.ts';
import { halfBits } from '../half.ts';
import type { TypeScope, Types } from '../infer-types.ts';
import { elementTypeNumber } from '../opset/element-types.ts';
import { isStandard, signatureOf } from '../opset/signature.ts';
import { defines, type Flow } from './flow.ts';
import { CONTROL } from './keep.ts';
import { bounded } from './narrow.ts';
import { halfSlots } from './plan-half.ts';

type Float = 'f16' | 'f32';

/** What the conversion is to do, decided before. */
export interface Orders {
  readonly types: Types;
  /** Nodes that compute with halves. */
  readonly half: ReadonlySet<Node>;
  /** Nodes with bodies whose outputs stay 32-bit floats. */
  readonly kept: ReadonlySet<Node>;
  /** Weights that become halves. */
  readonly weights: ReadonlySet<WeightId>;
  /** Small weights that are also wanted as halves: the twin's id. */
  readonly twins: ReadonlyMap<WeightId, WeightId>;
  /** Inputs and outputs of the model stay 32-bit floats. */
  readonly keepIo: boolean;
  /** Every name of the model; grows. */
  readonly taken: Map<string, number>;
}

/** A graph while it is rewritten. */
interface Frame {
  readonly flow: Flow;
  readonly outer: Frame | undefined;
  readonly types: TypeScope;
  /** Values of this graph that were 32-bit floats and are halves now. */
  readonly halves: Set<string>;
  /** The name of a value in the type it is computed in, where its own name is needed for the model's output. */
  readonly computed: Map<string, string>;
  /** Values in the other type, by the value they are cast from. */
  readonly casts: Map<string, { readonly name: string; readonly to: Float }>;
  readonly initializers: Map<string, WeightId>;
}

/** The graph computing with halves where `orders` say so, with Casts only where the type changes. */
export function convertHalf(root: Flow, orders: Orders): Graph {
  const isDefault = (name: string) => root.graph.initializers.has(name);
  const inputs = root.graph.inputs.map(({ name, dtype }) => !orders.keepIo && dtype === 'f32' && !isDefault(name));
  const frame = openFrame(root, undefined, inputs, orders);
  for (const { name } of root.graph.outputs) settleOutput(frame, name, orders);
  const nodes = root.graph.nodes.map((node) => convertNode(frame, node, orders));
  const outputs = root.graph.outputs.map((info) =>
    info.dtype === 'f32' && isSettled(frame, info.name, orders) ? { ...info, dtype: 'f16' as const } : info,
  );
  return closeFrame(frame, nodes, outputs);
}

/** Which inputs of a node are read as which float type; undefined for what was no 32-bit float. */
export function wantedInputs(node: Node, flow: Flow, { types, half }: Pick<Orders, 'types' | 'half'>): (Float | undefined)[] {
  const scope = types.get(flow.graph);
  const signature = signatureOf(node, flow.graph.opsets);
  const halves = signature && scope && half.has(node) ? halfSlots(node.inputs, signature.inputs, signature, scope) : new Set<number>();
  const scanned = scannedFrom(node, flow);
  return node.inputs.map((name, i) => {
    if (name === '' || scope?.typeOf(name) !== 'f32') return undefined;
    return CONTROL.has(node.op) ? (i >= scanned ? 'f16' : 'f32') : halves.has(i) ? 'f16' : 'f32';
  });
}

/** Position of the first input that Scan cuts into slices. What goes around in a loop stays a 32-bit float: its errors would add up. */
function scannedFrom(node: Node, { graph }: Flow): number {
  if (node.op !== 'Scan' || (graph.opsets.get(node.domain) ?? 0) < 9) return Number.POSITIVE_INFINITY;
  return node.inputs.length - intAttribute(node, 'num_scan_inputs', 0);
}

/** Which outputs of a node are halves afterwards. */
function halfOutputs(node: Node, frame: Frame, { half, kept }: Orders): Set<number> {
  const signature = signatureOf(node, frame.flow.graph.opsets);
  if (!CONTROL.has(node.op)) {
    return signature && half.has(node) ? halfSlots(node.outputs, signature.outputs, signature, frame.types) : new Set();
  }
  if (kept.has(node)) return new Set();
  const carried = carriedOutputs(node, frame.flow);
  return new Set(node.outputs.flatMap((name, i) => (i >= carried && frame.types.typeOf(name) === 'f32' ? [i] : [])));
}

function carriedOutputs(node: Node, flow: Flow): number {
  if (node.op === 'Loop') return Math.max(0, node.inputs.length - 2);
  if (node.op === 'Scan') return scannedFrom(node, flow) === Number.POSITIVE_INFINITY ? node.outputs.length : scannedFrom(node, flow);
  return 0;
}

function openFrame(flow: Flow, outer: Frame | undefined, inputs: readonly boolean[], { types, weights }: Orders): Frame {
  const scope = types.get(flow.graph) ?? { typeOf: () => undefined };
  const fromWeights = [...flow.constants].flatMap(([name, id]) => (weights.has(id) ? [name] : []));
  const fromInputs = flow.graph.inputs.flatMap(({ name }, i) => (inputs[i] ? [name] : []));
  return {
    flow,
    outer,
    types: scope,
    halves: new Set([...fromWeights, ...fromInputs]),
    computed: new Map(),
    casts: new Map(),
    initializers: new Map(flow.graph.initializers),
  };
}

/** Gives the model's output its own name back: what computes it gets another one when it computes the other type. */
function settleOutput(frame: Frame, name: string, orders: Orders): void {
  const maker = frame.flow.producers.get(name);
  if (!maker || frame.types.typeOf(name) !== 'f32' || frame.computed.has(name)) return;
  const isHalf = halfOutputs(maker, frame, orders).has(maker.outputs.indexOf(name));
  const wanted: Float = orders.keepIo ? 'f32' : 'f16';
  if (isHalf === (wanted === 'f16')) return;
  frame.computed.set(name, freshName(orders.taken, `${name}_${isHalf ? 'f16' : 'f32'}`));
  frame.casts.set(name, { name, to: wanted });
}

function isSettled(frame: Frame, name: string, { keepIo }: Orders): boolean {
  return !keepIo && (frame.casts.get(name)?.name === name || frame.halves.has(name));
}

function convertNode(frame: Frame, node: Node, orders: Orders): Node {
  const wanted = wantedInputs(node, frame.flow, orders);
  const halves = halfOutputs(node, frame, orders);
  for (const i of halves) frame.halves.add(node.outputs[i] ?? '');
  const converted = {
    ...node,
    inputs: node.inputs.map((name, i) => read(frame, name, wanted[i], orders)),
    outputs: node.outputs.map((name) => frame.computed.get(name) ?? name),
    graphs: new Map([...node.graphs].map(([key, body]) => [key, convertBody(frame, node, body, wanted, halves, orders)])),
  };
  return halves.size > 0 && isStandard(node)
    ? restate(converted, wanted[0] === 'f16' || frame.types.typeOf(node.inputs[0] ?? '') === 'f16')
    : converted;
}

/** @param isHalf whether the first input is a half */
function restate(node: Node, isHalf: boolean): Node {
  const half = elementTypeNumber('f16');
  switch (node.op) {
    case 'Cast':
      if (isHalf) return { ...node, op: 'Identity', attributes: new Map() };
      return { ...node, attributes: new Map([...node.attributes, ...attributes({ to: half })]) };
    case 'EyeLike':
      return node.attributes.has('dtype') ? { ...node, attributes: new Map([...node.attributes, ...attributes({ dtype: half })]) } : node;
    case 'ConstantOfShape':
      return { ...node, attributes: new Map([['value', halfFill(node.attributes.get('value'))]]) };
    default:
      return node;
  }
}

function halfFill(fill: Attribute | undefined): Attribute {
  const [value = 0] = fill?.kind === 'tensor' ? decode({ ...fill.value, shape: [1] }) : [];
  const bits = halfBits(bounded(value, 'f16', true, true));
  return { kind: 'tensor', value: { kind: 'dense', dtype: 'f16', shape: [1], bytes: Uint8Array.of(bits & 255, bits >>> 8) } };
}

function convertBody(
  outer: Frame,
  node: Node,
  body: Graph,
  wanted: readonly (Float | undefined)[],
  halves: ReadonlySet<number>,
  orders: Orders,
): Graph {
  const flow = outer.flow.inner.get(body);
  if (!flow) return body;
  const scanned = scannedFrom(node, outer.flow);
  const inputs = body.inputs.map((_, i) => i >= scanned && wanted[i] === 'f16');
  const frame = openFrame(flow, outer, inputs, orders);
  const nodes = body.nodes.map((inner) => convertNode(frame, inner, orders));
  // Loop's body tells first whether to go on; its other outputs are the node's.
  const first = node.op === 'Loop' ? 1 : 0;
  const outputs = body.outputs.map((info, i): ValueInfo => {
    if (frame.types.typeOf(info.name) !== 'f32') return info;
    const type: Float = halves.has(i - first) ? 'f16' : 'f32';
    return { ...info, name: read(frame, info.name, type, orders), ...(info.dtype && { dtype: type }) };
  });
  return closeFrame(frame, nodes, outputs);
}

/** The name under which a value can be read as `type`; asks the graph that has the value for a Cast or a twin when it is of the other type. */
function read(frame: Frame, name: string, type: Float | undefined, orders: Orders): string {
  if (type === undefined) return name;
  let owner = frame;
  while (owner.outer && !defines(owner.flow, name)) owner = owner.outer;
  if (owner.halves.has(name) === (type === 'f16')) return owner.computed.get(name) ?? name;
  const known = owner.casts.get(name);
  if (known) return known.name;
  const other = freshName(orders.taken, `${name}_${type}`);
  const twin = orders.twins.get(owner.flow.constants.get(name) ?? '');
  if (twin !== undefined && type === 'f16') owner.initializers.set(other, twin);
  owner.casts.set(name, { name: other, to: type });
  return other;
}

function closeFrame(frame: Frame, nodes: readonly Node[], outputs: readonly ValueInfo[]): Graph {
  const { graph } = frame.flow;
  const castOf = (name: string): Node[] => {
    const cast = frame.casts.get(name);
    if (!cast || frame.initializers.has(cast.name)) return [];
    // Without a name of its own: names of nodes are unique, and its output's may be another node's.
    return [{ ...makeNode('Cast', [frame.computed.get(name) ?? name], [cast.name], { to: elementTypeNumber(cast.to) }), name: '' }];
  };
  const before = [...new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()])].flatMap(castOf);
  const inside = nodes.flatMap((node, i) => [node, ...(graph.nodes[i]?.outputs.flatMap(castOf) ?? [])]);
  const typed = (info: ValueInfo): ValueInfo => (frame.halves.has(info.name) && info.dtype === 'f32' ? { ...info, dtype: 'f16' } : info);
  const values = [...graph.values].flatMap(([name, info]): [string, ValueInfo][] =>
    frame.computed.has(name) ? [] : [[name, typed(info)]],
  );
  return {
    ...graph,
    nodes: [...before, ...inside],
    inputs: graph.inputs.map(typed),
    outputs,
    initializers: frame.initializers,
    values: new Map(values),
  };
}
