import type { Operand } from '../core/evaluate-small/evaluate.ts';
import { type Known, knownOf } from '../core/evaluate-small/known.ts';
import { branchPath, type Graph, type Node } from '../core/graph.ts';
import { readSmall, type Scope, scopeOf } from '../core/graph-edit/scope.ts';
import { type InferBodies, inferValues, type Lookup } from '../core/infer-shapes.ts';
import { inferTypes, type Types } from '../core/infer-types.ts';
import type { Model, Weight } from '../core/model.ts';
import type { Dims } from '../core/shape-arithmetic.ts';
import { type Enclosed, enclose } from './bodies.ts';
import { constantsOf } from './constants.ts';
import { type Body, count, type Operator, type Program, type Value } from './value.ts';

/** What is the same for all graphs of a model. */
interface Setting {
  readonly weights: Model['weights'];
  readonly types: Types;
  readonly known: (weight: Weight) => Promise<Known | undefined>;
  readonly note: (note: string) => void;
}

/** What the graphs around a graph know. */
interface Outside {
  readonly scope?: Scope;
  readonly lookup: Lookup;
  readonly isConstant: (name: string) => boolean;
}

/**
 * The operators of a model in the order in which they run, with the shapes and types of what they read and write. What follows from weights
 * alone is left out: runtimes compute it once, when they load the model.
 *
 * @param shapes  of the inputs, and of values in between where a run has shown them
 */
export async function programOf(
  { graph, weights }: Model,
  shapes: ReadonlyMap<string, Dims>,
  note: (note: string) => void,
): Promise<Program> {
  if (!graph) return { inputs: [], operators: [], outputs: [], captured: new Set() };
  const read = new Map<Weight, Promise<Known | undefined>>();
  const known = (weight: Weight) => {
    const values = read.get(weight) ?? readSmall(weight).then((tensor) => tensor && knownOf(tensor));
    read.set(weight, values);
    return values;
  };
  const lookup: Lookup = (name) => {
    const shape = shapes.get(name);
    return shape && { shape };
  };
  const setting = { weights, types: inferTypes(graph, weights), known, note };
  return (await follow(graph, '', { lookup, isConstant: () => false }, setting)).program;
}

async function follow(graph: Graph, path: string, outside: Outside, setting: Setting): Promise<Enclosed> {
  const scope = scopeOf(graph, setting.weights, outside.scope);
  const constants = constantsOf(graph, outside.isConstant);
  const isConstant = (name: string) => constants.has(name) || outside.isConstant(name);
  const bodies = new Map<Node, readonly Body[]>();
  const followBodies: InferBodies = async (node, operands, lookup) => {
    const around = { scope, lookup, isConstant };
    const { dims, bodies: found } = await enclose(node, operands, {
      note: setting.note,
      follow: (inner, attribute, given) =>
        follow(inner, branchPath(path, node, attribute), { ...around, lookup: (name) => given.get(name) ?? lookup(name) }, setting),
    });
    bodies.set(node, found);
    return dims;
  };
  const known = async (name: string) => {
    const weight = scope.constant(name);
    return weight && setting.known(weight);
  };
  const values = await inferValues(graph, scope, known, outside.lookup, followBodies);
  const operandOf = (name: string): Operand => {
    const found = values.get(name) ?? outside.lookup(name);
    const stated = scope.type(name)?.shape;
    return found ?? (stated ? { shape: stated.map((size) => (typeof size === 'number' ? size : undefined)) } : {});
  };
  const typeScope = setting.types.get(graph);
  const describe = (name: string): Value | undefined => {
    if (name === '') return undefined;
    const dtype = typeScope?.typeOf(name) ?? scope.type(name)?.dtype;
    const shape = exact(operandOf(name).shape);
    return { name, ...(shape && { shape }), ...(dtype && { dtype }), constant: isConstant(name) };
  };
  const operators = graph.nodes.flatMap((node): Operator[] => {
    if (node.outputs.every((name) => name === '' || constants.has(name))) return [];
    return [{ node, path, inputs: node.inputs.map(describe), outputs: node.outputs.map(describe), bodies: bodies.get(node) ?? [] }];
  });
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name)).flatMap(({ name }) => describe(name) ?? []);
  const outputs = graph.outputs.map(({ name }) => name);
  const own = new Set([...inputs.map(({ name }) => name), ...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)]);
  const used = [...outputs, ...operators.flatMap((operator) => [...operator.node.inputs, ...operator.bodies.flatMap(capturedBy)])];
  return {
    program: { inputs, operators, outputs, captured: new Set(used.filter((name) => name !== '' && !own.has(name))) },
    outputs: outputs.map(operandOf),
  };
}

function capturedBy({ program }: Body): string[] {
  return [...program.captured];
}

/** Sizes that are all known, and whose product is exact. */
function exact(dims: Dims | undefined): number[] | undefined {
  const sizes = dims?.filter((size) => size !== undefined);
  return sizes && sizes.length === dims?.length && count(...sizes) !== undefined ? sizes : undefined;
}
