import { type Graph, intAttribute, type Node, type ValueInfo } from './graph.ts';
import type { Model } from './model.ts';
import { elementType, type ValueType } from './opset/element-types.ts';
import { isStandard, type Signature, signatureOf, slots } from './opset/signature.ts';

/** The element types that one graph can see, its own values and those of the graphs around it. Undefined: not a tensor, or not known. */
export interface TypeScope {
  typeOf(name: string): ValueType | undefined;
}

/** The scope of every graph of a model. */
export type Types = ReadonlyMap<Graph, TypeScope>;

interface Scope extends TypeScope {
  readonly own: Map<string, ValueType | undefined>;
}

function scopeIn(outer: TypeScope | undefined): Scope {
  const own = new Map<string, ValueType | undefined>();
  return { own, typeOf: (name) => (own.has(name) ? own.get(name) : outer?.typeOf(name)) };
}

/**
 * The element type of every value, from inputs and weights through the operators' signatures; where an operator is unknown, what the
 * file states. Subgraphs included. Reads no weight.
 */
export function inferTypes(graph: Graph, weights: Model['weights']): Types {
  const types = new Map<Graph, TypeScope>();
  infer(graph, weights, undefined, [], types);
  return types;
}

/** @param given types of the graph's inputs as its node passes them, used where the graph itself does not say */
function infer(
  graph: Graph,
  weights: Model['weights'],
  outer: TypeScope | undefined,
  given: readonly (ValueType | undefined)[],
  types: Map<Graph, TypeScope>,
): Scope {
  const scope = scopeIn(outer);
  types.set(graph, scope);
  graph.inputs.forEach((input, i) => {
    scope.own.set(input.name, input.dtype ?? (input.opaqueType ? undefined : given[i]));
  });
  for (const [name, id] of graph.initializers) scope.own.set(name, weights.get(id)?.dtype);
  const declared = new Map<string, ValueInfo>([
    ...graph.values,
    ...graph.outputs.map((output): [string, ValueInfo] => [output.name, output]),
  ]);
  for (const node of graph.nodes) {
    const found = outputTypes(node, graph, scope, weights, types);
    node.outputs.forEach((name, i) => {
      if (name !== '') scope.own.set(name, found[i] ?? declared.get(name)?.dtype);
    });
  }
  return scope;
}

function outputTypes(
  node: Node,
  graph: Graph,
  scope: Scope,
  weights: Model['weights'],
  types: Map<Graph, TypeScope>,
): (ValueType | undefined)[] {
  const bodies = [...node.graphs.values()].map((body) => {
    const inner = infer(body, weights, scope, bodyInputs(node, graph, scope), types);
    return body.outputs.map(({ name }) => inner.typeOf(name));
  });
  const constant = isStandard(node) && node.op === 'Constant' ? node.attributes.get('value') : undefined;
  if (constant?.kind === 'tensor') return [constant.value.dtype];
  const signature = signatureOf(node, graph.opsets);
  if (!signature) return [];
  const [first = [], ...others] = bodies;
  if (isStandard(node) && bodies.length > 0) {
    switch (node.op) {
      case 'If':
        return first.map((type, i) => (others.every((other) => other[i] === type) ? type : undefined));
      case 'Loop':
        return first.slice(1);
      case 'Scan':
        return first;
    }
  }
  const bound = bindTypes(node, signature, scope);
  const outputs = new Map(slots(node.outputs, signature.outputs).map((slot) => [slot.name, slot]));
  return node.outputs.map((name) => {
    const slot = outputs.get(name);
    if (!slot || slot.formal.kind === 'other') return undefined;
    if (slot.formal.kind === 'fixed') return slot.formal.type as ValueType;
    const stated = isStandard(node) ? statedType(node, scope) : undefined;
    return stated ? stated.type : bound.get(slot.variable);
  });
}

/** What each type variable of a node stands for, as far as its inputs tell. A variable whose inputs disagree or are unknown is undefined. */
function bindTypes(node: Node, signature: Signature, scope: TypeScope): Map<string, ValueType | undefined> {
  const bound = new Map<string, ValueType | undefined>();
  for (const { name, formal, variable } of slots(node.inputs, signature.inputs)) {
    if (formal.kind !== 'variable') continue;
    const type = scope.typeOf(name);
    bound.set(variable, bound.has(variable) && bound.get(variable) !== type ? undefined : type);
  }
  return bound;
}

/** Types of what a node passes to its body: Loop adds the iteration number and the condition, Scan passes its inputs. */
function bodyInputs(node: Node, graph: Graph, scope: Scope): (ValueType | undefined)[] {
  if (node.op === 'Loop') return ['i64', 'bool', ...node.inputs.slice(2).map((name) => scope.typeOf(name))];
  if (node.op !== 'Scan') return [];
  const first = (graph.opsets.get(node.domain) ?? 0) < 9 ? 1 : 0;
  return node.inputs.slice(first).map((name) => scope.typeOf(name));
}

/** The type that an attribute, or its absence, gives to the outputs; undefined where the inputs decide. */
function statedType(node: Node, scope: Scope): { readonly type: ValueType | undefined } | undefined {
  const numbered = (attribute: string, otherwise: ValueType | undefined) => {
    const number = intAttribute(node, attribute, 0);
    return { type: number === 0 ? otherwise : elementType(number) };
  };
  const input = (index: number) => scope.typeOf(node.inputs[index] ?? '');
  switch (node.op) {
    case 'Cast':
      return numbered('to', undefined);
    case 'ConstantOfShape': {
      const value = node.attributes.get('value');
      return { type: value?.kind === 'tensor' ? value.value.dtype : value ? undefined : 'f32' };
    }
    case 'RandomNormal':
    case 'RandomUniform':
      return numbered('dtype', 'f32');
    case 'RandomNormalLike':
    case 'RandomUniformLike':
    case 'EyeLike':
    case 'Bernoulli':
      return numbered('dtype', input(0));
    case 'Multinomial':
      return numbered('dtype', 'i32');
    case 'BlackmanWindow':
    case 'HannWindow':
    case 'HammingWindow':
    case 'MelWeightMatrix':
      return numbered('output_datatype', 'f32');
    case 'QuantizeLinear':
      return numbered('output_dtype', input(2) ?? (node.inputs[2] ? undefined : 'u8'));
    case 'DequantizeLinear':
      return numbered('output_dtype', input(1));
    default:
      return undefined;
  }
}
