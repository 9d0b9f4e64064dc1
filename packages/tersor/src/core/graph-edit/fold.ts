import { castType, evaluate, type Operand } from '../evaluate-small/evaluate.ts';
import { integersIn, type Known, tensorOf } from '../evaluate-small/known.ts';
import { normalizeAxes, viewsOf } from '../evaluate-small/view.ts';
import { type Graph, intAttribute, type Node } from '../graph.ts';
import type { Weight } from '../model.ts';
import { constantBytes } from './cost.ts';
import { freshId, type Site } from './edit-graphs.ts';
import { inlineBranch } from './inline-branch.ts';
import { concatWeights, isMovable, narrowWeight, viewWeight } from './lazy-weights.ts';
import { savedBy } from './saved-by.ts';
import { countUses, producersOf, readBy } from './uses.ts';

/** What can be said about a value without running the model: its elements, or a weight that will hold them, or both. */
interface Constant {
  readonly known?: Known;
  readonly weight?: Weight;
}

interface Folded {
  readonly graph: Graph;
  /** Operators that became constants. */
  readonly folded: number;
  /** If operators replaced by the branch that is always taken. */
  readonly inlined: number;
}

/** Replaces what does not depend on the model's inputs by its values, wherever that does not make the file larger. */
export async function fold(graph: Graph, site: Site): Promise<Folded> {
  const open = await inlineBranches(graph, site);
  const constants = await constantsOf(open.graph, site);
  const { graph: result, folded } = materialize(open.graph, constants, site);
  return { graph: result, folded, inlined: open.inlined };
}

async function inlineBranches(graph: Graph, { known, definitions }: Site): Promise<{ graph: Graph; inlined: number }> {
  const nodes: Node[] = [];
  const nodeNames = new Set(graph.nodes.map(({ name }) => name));
  const initializers = new Map(graph.initializers);
  const values = new Map(graph.values);
  let inlined = 0;
  for (const node of graph.nodes) {
    const condition = node.op === 'If' && node.domain === '' && node.inputs[0] ? (await known(node.inputs[0]))?.values : undefined;
    const branch = condition?.length === 1 ? node.graphs.get(condition[0] ? 'then_branch' : 'else_branch') : undefined;
    if (!branch) {
      nodes.push(node);
      continue;
    }
    const inside = inlineBranch(node, branch, definitions);
    for (const each of inside.nodes) {
      // Runtimes refuse two nodes of one name, but not nodes without a name.
      nodes.push(nodeNames.has(each.name) ? { ...each, name: '' } : each);
      nodeNames.add(each.name);
    }
    for (const [name, id] of inside.initializers) initializers.set(name, id);
    for (const [name, value] of inside.values) values.set(name, value);
    inlined++;
  }
  return { graph: inlined === 0 ? graph : { ...graph, nodes, initializers, values }, inlined };
}

/** For each node that can be computed now: its outputs. */
async function constantsOf(graph: Graph, site: Site): Promise<ReadonlyMap<Node, readonly Constant[]>> {
  const byNode = new Map<Node, readonly Constant[]>();
  const byName = new Map<string, Constant>();
  for (const node of graph.nodes) {
    if (node.domain !== '' || node.graphs.size > 0) continue;
    const askShape = node.op === 'Shape' || node.op === 'Size';
    if (!askShape && node.inputs.some((name) => name !== '' && !byName.has(name) && !site.scope.constant(name))) continue;
    const inputs = await Promise.all(node.inputs.map((name) => constantAt(name, byName, site)));
    const results = small(node, inputs, site) ?? large(node, inputs, site);
    if (!results || results.length < node.outputs.length) continue;
    byNode.set(node, results);
    for (const [i, name] of node.outputs.entries()) byName.set(name, results[i] ?? {});
  }
  return byNode;
}

async function constantAt(name: string, computed: ReadonlyMap<string, Constant>, { scope, known }: Site): Promise<Constant> {
  const constant = computed.get(name);
  if (constant) return constant;
  const weight = scope.constant(name);
  const values = weight && (await known(name));
  return { ...(weight && { weight }), ...(values && { known: values }) };
}

function small(node: Node, inputs: readonly Constant[], { scope }: Site): readonly Constant[] | undefined {
  const operands = inputs.map(({ known, weight }, i): Operand => {
    const shape = known?.shape ?? weight?.shape ?? scope.type(node.inputs[i] ?? '')?.shape;
    return {
      ...(known && { known }),
      ...(shape && { shape: shape.map((dimension) => (typeof dimension === 'number' ? dimension : undefined)) }),
    };
  });
  return evaluate(node, scope.opset, operands)?.map((known, i) => {
    const tensor = tensorOf(known);
    if (!tensor) return { known };
    const { dtype, shape } = known;
    return { known, weight: { id: node.outputs[i] ?? '', dtype, shape, layout: { kind: 'dense', dtype }, load: async () => tensor } };
  });
}

/** Operators that move or narrow a weight of any size: done when it is pulled. */
function large(node: Node, inputs: readonly Constant[], { scope }: Site): readonly Constant[] | undefined {
  const weight = inputs[0]?.weight;
  if (!weight || !isMovable(weight)) return undefined;
  const views = viewsOf(node, scope.opset, weight.shape, (input) => integersIn(inputs[input]?.known));
  if (views) return views.map((view, i) => ({ weight: viewWeight(weight, view, node.outputs[i] ?? '') }));
  const id = node.outputs[0] ?? '';
  const result =
    node.op === 'Cast' ? narrowWeight(weight, castType(node), id) : node.op === 'Concat' ? concatenated(node, inputs, id) : undefined;
  return result && [{ weight: result }];
}

function concatenated(node: Node, inputs: readonly Constant[], id: string): Weight | undefined {
  const weights = inputs.map(({ weight }) => weight).filter((weight) => weight !== undefined);
  const [first] = weights;
  const [axis] = normalizeAxes([intAttribute(node, 'axis', 0)], first?.shape.length ?? 0) ?? [];
  if (!first || axis === undefined || weights.length !== inputs.length) return undefined;
  const fits = weights.every(
    (weight) =>
      isMovable(weight) &&
      weight.dtype === first.dtype &&
      weight.shape.length === first.shape.length &&
      weight.shape.every((dimension, i) => i === axis || dimension === first.shape[i]),
  );
  if (!fits) return undefined;
  const shape = first.shape.with(
    axis,
    weights.reduce((sum, weight) => sum + (weight.shape[axis] ?? 0), 0),
  );
  return concatWeights(weights, axis, shape, id, first);
}

/** Goes from the outputs to the inputs, so that only what the rest of the graph still asks for becomes a constant. */
function materialize(graph: Graph, constants: ReadonlyMap<Node, readonly Constant[]>, site: Site): Pick<Folded, 'graph' | 'folded'> {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const uses = countUses(graph);
  const producers = producersOf(graph);
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    const wanted = node.outputs.map((name, i) => ({ name, weight: constants.get(node)?.[i]?.weight })).filter(({ name }) => uses.has(name));
    const ready = wanted.filter(
      (output): output is { name: string; weight: Weight } => output.weight !== undefined && !outputs.has(output.name),
    );
    const isDead = wanted.length === 0 && constants.has(node);
    const cost = ready.reduce((sum, { name, weight }) => sum + constantBytes(name, weight), 0);
    if (!isDead && (ready.length === 0 || ready.length < wanted.length || cost > savedBy([node], uses, producers, graph, site))) {
      nodes.push(node);
      continue;
    }
    for (const { name, weight } of ready) {
      const id = freshId(site, name);
      site.weights.set(id, { ...weight, id });
      initializers.set(name, id);
    }
    for (const name of readBy(node)) release(uses, name);
  }
  const folded = graph.nodes.length - nodes.length;
  return { graph: folded === 0 ? graph : { ...graph, nodes: nodes.reverse(), initializers }, folded };
}

function release(uses: Map<string, number>, name: string): void {
  const left = (uses.get(name) ?? 0) - 1;
  if (left > 0) uses.set(name, left);
  else uses.delete(name);
}
