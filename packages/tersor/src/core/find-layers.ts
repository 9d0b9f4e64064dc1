import { integersOf } from './decode.ts';
import { elementsOf, isFloat, type Shape } from './dtype.ts';
import { type Graph, intAttribute, intsAttribute, type Node, type WeightId } from './graph.ts';
import { type WeightInput, weightInputs } from './layer-operators.ts';
import type { Layer, Use } from './layers.ts';
import { layersByShape } from './layers-by-shape.ts';
import type { Model, Weight } from './model.ts';
import { reshapeView, resizedView, squeezeView, transposeView, unsqueezeView, type View, wholeView } from './views.ts';

/** A value that is a weight, moved about: how it reads, and what happened on the way. */
interface Origin {
  readonly weight: Weight;
  readonly view: View;
  /** What lies between the weight and the value: nothing, a change of the order of axes at most, or more. */
  readonly way: 'direct' | 'permuted' | 'other';
}

/** The values a graph can see. A value that is no weight has no origins. */
interface Scope {
  readonly outer: Scope | undefined;
  readonly values: Map<string, readonly Origin[]>;
}

/** More weights than this in one value are not followed: no exporter concatenates so many, and hostile graphs could square the work. */
const MAX_ORIGINS = 64;

/** Longest list of axes or lengths that is read to follow a Reshape and its like; ranks are far smaller. */
const MAX_INTEGERS = 64;

/**
 * The weights of at least two axes and a floating type that operators compute with as layers do, in the order of `model.weights`:
 * in any branch, behind operators that only move elements, tied or not. Reads shapes and axes (a few integers), no weight.
 * A checkpoint has no operators: there shapes and names tell.
 */
export async function findLayers(model: Model): Promise<Layer[]> {
  if (!model.graph) return layersByShape(model);
  const uses = new Map<WeightId, Use[]>();
  await visit(model.graph, undefined, model.weights, uses);
  return [...model.weights.values()].flatMap((weight) => {
    const found = uses.get(weight.id);
    return found ? [toLayer(weight, found)] : [];
  });
}

function toLayer(weight: Weight, uses: readonly Use[]): Layer {
  const [first] = uses;
  const outputAxes = first?.outputAxes ?? [0];
  const outputs = elementsOf(outputAxes.map((axis) => weight.shape[axis] ?? 1));
  return { weight, uses, outputAxes, outputs, inputs: elementsOf(weight.shape) / outputs, kind: first?.kind ?? 'linear' };
}

async function visit(graph: Graph, outer: Scope | undefined, weights: Model['weights'], uses: Map<WeightId, Use[]>): Promise<void> {
  const scope: Scope = { outer, values: new Map(graph.inputs.map(({ name }) => [name, []])) };
  for (const [name, id] of graph.initializers) {
    const weight = weights.get(id);
    scope.values.set(name, weight ? [{ weight, view: wholeView(weight.shape), way: 'direct' }] : []);
  }
  for (const node of graph.nodes) {
    for (const rule of weightInputs(node)) {
      for (const origin of lookUp(scope, node.inputs[rule.input])) addUse(uses, node, rule, origin);
    }
    for (const inner of node.graphs.values()) await visit(inner, scope, weights, uses);
    const moved = await move(node, scope);
    for (const output of node.outputs) scope.values.set(output, moved);
  }
}

function lookUp(scope: Scope, name: string | undefined): readonly Origin[] {
  if (!name) return [];
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const origins = at.values.get(name);
    if (origins) return origins;
  }
  return [];
}

function addUse(uses: Map<WeightId, Use[]>, node: Node, rule: WeightInput, { weight, view, way }: Origin): void {
  if (weight.dtype === 'string' || !isFloat(weight.dtype) || weight.shape.length < 2 || elementsOf(weight.shape) === 0) return;
  const outputs = rule.outputs(node, view.shape);
  if (!outputs) return;
  const use: Use = {
    node,
    input: rule.input,
    kind: rule.kind,
    outputAxes: weightAxes(view, outputs, weight.shape.length),
    direct: way === 'direct',
    ...(way !== 'other' && { axes: view.axes.flat() }),
    wholeRows: hasWholeRows(view, outputs, weight.shape),
  };
  const known = uses.get(weight.id);
  if (known) known.push(use);
  else uses.set(weight.id, [use]);
}

/** Whether what is not output is, in order and as long as they are, the weight's axes that are none. @param outputs  axes of the view */
function hasWholeRows({ shape, axes }: View, outputs: readonly number[], weight: Shape): boolean {
  const rows = new Set(outputs.flatMap((axis) => axes[axis] ?? []));
  const inputs = axes.flatMap((from, axis) => (outputs.includes(axis) ? [] : [{ from, length: shape[axis] }]));
  const own = inputs.filter(({ from, length }) => from.length > 0 || length !== 1);
  return (
    own.every(({ from: [axis = -1, ...more], length }) => more.length === 0 && length === weight[axis]) &&
    own.map(({ from }) => from[0]).join() === [...weight.keys()].filter((axis) => !rows.has(axis)).join()
  );
}

/**
 * The weight's own axes behind axes of its view, ascending. An axis that was split over outputs and inputs counts as output, unless no
 * input would be left: then the first axis stands for the outputs.
 */
function weightAxes(view: View, axes: readonly number[], rank: number): number[] {
  const outputs = [...new Set(axes.flatMap((axis) => view.axes[axis] ?? []))].sort((a, b) => a - b);
  return outputs.length < rank ? outputs : [0];
}

/** Where the outputs of `node` come from, if it only moves elements of weights. */
async function move(node: Node, scope: Scope): Promise<readonly Origin[]> {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return [];
  const origins = lookUp(scope, node.inputs[0]);
  if (origins.length === 0) return [];
  switch (node.op) {
    case 'Identity':
      return origins;
    case 'Cast':
      return follow(origins, 'other', (view) => view);
    case 'Transpose':
      return follow(origins, 'permuted', (view) => transposeView(view, intsAttribute(node, 'perm')));
    case 'Reshape': {
      const target = await integersAt(node, scope, 1, 'shape');
      return follow(origins, 'other', (view) => target && reshapeView(view, target, intAttribute(node, 'allowzero', 0) === 1));
    }
    case 'Flatten':
      return follow(origins, 'other', (view) => reshapeView(view, flattened(view, intAttribute(node, 'axis', 1)), true));
    case 'Squeeze': {
      const axes = await integersAt(node, scope, 1, 'axes');
      return node.inputs[1] && !axes ? [] : follow(origins, 'other', (view) => squeezeView(view, axes));
    }
    case 'Unsqueeze': {
      const axes = await integersAt(node, scope, 1, 'axes');
      return follow(origins, 'other', (view) => axes && unsqueezeView(view, axes));
    }
    case 'Slice': {
      const axes = await integersAt(node, scope, 3, 'axes');
      return follow(origins, 'other', (view) => resizedView(view, axes));
    }
    case 'Split':
      return follow(origins, 'other', (view) => resizedView(view, [intAttribute(node, 'axis', 0)]));
    case 'Concat':
      return concatenated(node, scope);
    default:
      return [];
  }
}

function follow(origins: readonly Origin[], way: Origin['way'], change: (view: View) => View | undefined): Origin[] {
  return origins.flatMap((origin) => {
    const view = change(origin.view);
    return view ? [{ weight: origin.weight, view, way: origin.way === 'other' ? 'other' : way }] : [];
  });
}

/** Recurrent weights are often cut into gates and put together in another order. */
function concatenated(node: Node, scope: Scope): Origin[] {
  const parts = node.inputs.map((name) => lookUp(scope, name));
  if (parts.some((origins) => origins.length === 0)) return [];
  const distinct = new Map(parts.flat().map((origin) => [origin.weight.id, origin]));
  return distinct.size > MAX_ORIGINS
    ? []
    : follow([...distinct.values()], 'other', (view) => resizedView(view, [intAttribute(node, 'axis', 0)]));
}

/** Constant integers that are an input in newer operator sets and an attribute in older ones. */
async function integersAt(node: Node, scope: Scope, input: number, attribute: string): Promise<number[] | undefined> {
  if (!node.inputs[input]) return intsAttribute(node, attribute);
  const [origin] = lookUp(scope, node.inputs[input]);
  if (origin?.way !== 'direct' || elementsOf(origin.weight.shape) > MAX_INTEGERS) return undefined;
  const tensor = await origin.weight.load();
  return tensor.kind === 'dense' && (tensor.dtype === 'i64' || tensor.dtype === 'i32') ? integersOf(tensor) : undefined;
}

function flattened({ shape }: View, axis: number): [number, number] {
  const at = axis < 0 ? axis + shape.length : axis;
  return [elementsOf(shape.slice(0, at)), elementsOf(shape.slice(at))];
}
