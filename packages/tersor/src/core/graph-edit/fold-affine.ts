import type { Graph, Node } from '../graph.ts';
import type { Weight } from '../model.ts';
import { type AffineFold, foldBefore, foldBehind } from './affine-fold.ts';
import { constantBytes, nodeBytes } from './cost.ts';
import { freshId, type Site } from './edit-graphs.ts';
import { type Linear, linearOf } from './linear.ts';
import { freshName } from './names.ts';
import { savedBy } from './saved-by.ts';
import { scaleWeight, vectorWeight } from './scale-weight.ts';
import { countUses, producersOf, readBy } from './uses.ts';

interface AffineFolds {
  readonly graph: Graph;
  readonly normalizations: number;
  readonly others: number;
  /** Operators left alone because a half-precision weight might not hold the product. */
  readonly risky: number;
}

/** Works multiplications and additions per channel into the weights and biases of the operators beside them. */
export async function foldAffine(graph: Graph, site: Site): Promise<AffineFolds> {
  const uses = countUses(graph);
  const producers = producersOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const consumers = new Map(graph.nodes.flatMap((node) => node.inputs.map((name) => [name, node] as const)));
  const onlyConsumer = (value: string) => (uses.get(value) === 1 && !outputs.has(value) ? consumers.get(value) : undefined);
  const isOwn = (name: string) => {
    const id = graph.initializers.get(name);
    return id !== undefined && uses.get(name) === 1 && site.declarations.get(id) === 1 && site.scope.constant(name) !== undefined;
  };

  const replaced = new Map<Node, readonly Node[]>();
  const initializers = new Map(graph.initializers);
  const gone: Node[] = [];
  let risky = 0;
  for (const node of graph.nodes) {
    const linear = replaced.has(node) ? undefined : await linearOf(node, graph, site, isOwn);
    if (!linear) continue;
    const fold =
      (await foldBehind(linear, onlyConsumer, site)) ?? (await foldBefore(linear, onlyConsumer, (value) => producers.get(value), site));
    if (!fold || fold.gone.some((each) => replaced.has(each))) continue;
    if (linear.dtype === 'f16' && !staysInHalf(linear, fold)) {
      risky += fold.gone.length;
      continue;
    }
    const name = nameOf(fold, linear, isOwn, site);
    const constant = constantOf(fold, linear, initializers.get(name) ?? freshId(site, name));
    const built = fold.build(name);
    const isNew = constant && name !== fold.constant?.replaces;
    const cost = built.reduce((sum, each) => sum + nodeBytes(each), isNew ? constantBytes(name, constant) : 0);
    const kept = built.flatMap((each) => [...readBy(each)]).filter((read) => read !== name || !isNew);
    if (cost > savedBy([...fold.gone, node], uses, producers, graph, site, kept)) continue;
    if (fold.factorAt) site.weights.set(linear.weight.id, scaleWeight(linear.weight, fold.factorAt));
    if (constant) {
      site.weights.set(constant.id, constant);
      initializers.set(name, constant.id);
    }
    for (const each of fold.gone) replaced.set(each, []);
    replaced.set(node, built);
    gone.push(...fold.gone);
  }
  const nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]);
  const normalizations = gone.filter(({ op }) => op === 'BatchNormalization').length;
  return {
    graph: gone.length === 0 ? graph : { ...graph, nodes, initializers },
    normalizations,
    others: gone.length - normalizations,
    risky,
  };
}

function constantOf({ constant }: AffineFold, { dtype }: Linear, id: string): Weight | undefined {
  return constant && { ...vectorWeight(id, dtype, constant.length, constant.values), ...(constant.reads > 0 && { reads: constant.reads }) };
}

/** A name for the new constant: the old bias's, or one that becomes free; shifts first, so that a bias keeps the name of a bias. */
function nameOf({ constant, gone }: AffineFold, { node }: Linear, isOwn: (name: string) => boolean, { definitions }: Site): string {
  if (!constant) return '';
  if (isOwn(constant.replaces)) return constant.replaces;
  const free = gone.toReversed().flatMap(({ op, inputs }) => (op === 'BatchNormalization' ? inputs.slice(2, 3) : inputs));
  return free.find((name) => isOwn(name)) ?? freshName(definitions, `${node.inputs[1]}_bias`);
}

/** Below this factor a half-precision weight would lose accuracy, above 1 it could overflow. */
const LEAST_HALF_FACTOR = 2 ** -6;

function staysInHalf({ weight: { shape } }: Linear, { factorAt }: AffineFold): boolean {
  if (!factorAt) return true;
  const [rows = 1, columns = 1] = shape;
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b < columns; b++) {
      const factor = Math.abs(factorAt(a, b));
      if (factor > 1 || factor < LEAST_HALF_FACTOR) return false;
    }
  }
  return true;
}
