import type { Lifted } from '../../core/format.ts';
import { type Graph, makeNode, mapGraphs, type Node, type WeightId } from '../../core/graph.ts';
import { type Model, type Weight, withGraph } from '../../core/model.ts';
import { loadAffine } from './lift/affine.ts';
import { findStored, type Stored, type Use } from './lift/find-stored.ts';
import { openNaming } from './lift/naming.ts';
import { type Affine, constantsOf, identityOf, type Narrow, type Whole } from './lift/term.ts';
import { unusedParts } from './lift/unused-parts.ts';

/**
 * The inverse of `lower`: the model with compressed weights in place of their parts and the operators that compute with them. What
 * stores a weight is judged by structure, whoever wrote it; everything else is left as it is. Loads no weight.
 *
 * For looking at a file, not for writing it: a model that is written comes out as it was read.
 */
export async function lift(model: Model): Promise<Lifted> {
  const { graph, weights } = model;
  if (!graph) return { model, owners: new Map() };
  const stored = await findStored(model, graph);
  const unused = unusedParts(stored);
  const naming = openNaming(graph, unused.constants);
  const lifted = new Map<WeightId, Weight>();
  const users = new Map<WeightId, Set<WeightId>>();
  const declare = (id: WeightId, weight: Weight, term: Affine | Narrow | Whole) => {
    lifted.set(id, weight);
    for (const part of constantsOf(term)) users.set(part.weight.id, (users.get(part.weight.id) ?? new Set()).add(id));
  };

  const ids = new Map<Node, WeightId>();
  for (const { node, term, path } of stored.expanded) {
    const id = naming.id(term, path, node.outputs[0] ?? '');
    ids.set(node, id);
    if (!lifted.has(id)) declare(id, toWeight(id, term), term);
  }
  const replaced = new Map<Node, Node[]>();
  const declared = new Map<Graph['initializers'], Map<string, WeightId>>();
  for (const uses of together(stored.uses)) {
    const [{ codes, weight }] = uses;
    const isTransposed = uses.some(({ kind }) => kind !== 'product') || naming.saysTransposed(codes.name);
    const term = isTransposed ? weight : ofProduct(weight);
    const id = naming.id(term, codes.path, codes.name);
    const name = naming.value(codes.name);
    declare(id, toWeight(id, term), term);
    declared.set(codes.declared, (declared.get(codes.declared) ?? new Map<string, WeightId>()).set(name, id));
    for (const use of uses) replaced.set(use.node, readBy(use, name, isTransposed, replaced.get(use.node)));
  }

  const bare = mapGraphs(graph, (inner) => {
    const gone = unused.constants.get(inner.initializers);
    const initializers = new Map([...inner.initializers].filter(([name]) => !gone?.has(name)));
    for (const [name, id] of declared.get(inner.initializers) ?? []) initializers.set(name, id);
    const nodes = inner.nodes.flatMap((node): readonly Node[] => {
      const [output = ''] = node.outputs;
      const id = ids.get(node) ?? tiedTo(node, stored, ids);
      if (id !== undefined) initializers.set(output, id);
      return id !== undefined || unused.nodes.has(node) ? [] : (replaced.get(node) ?? [node]);
    });
    return { ...inner, initializers, nodes };
  });
  const owners = [...users].flatMap(([part, [owner = '', ...others]]) => (others.length === 0 ? [[part, owner] as const] : []));
  const result = withGraph(model, bare, new Map([...weights, ...lifted]));
  return { model: result, owners: new Map(owners.filter(([part, owner]) => part === owner || !result.weights.has(part))) };
}

/** Another name of a weight, by an Identity. */
function tiedTo(node: Node, { terms, outputs }: Stored, ids: ReadonlyMap<Node, WeightId>): WeightId | undefined {
  const term = terms.get(node);
  if (!term || term.node === node || node.op !== 'Identity' || outputs.has(node.outputs[0] ?? '')) return undefined;
  if (term.kind === 'constant' && !term.node) return term.weight.id;
  return term.node && ids.get(term.node);
}

function toWeight(id: WeightId, term: Affine | Narrow | Whole): Weight {
  const { dtype } = term;
  if (term.kind === 'affine') return { id, shape: term.shape, dtype, layout: term.layout, load: () => loadAffine(term) };
  if (term.kind === 'whole') return { id, shape: term.shape, dtype, layout: term.layout, load: term.load };
  const { shape, layout, load } = term.stored.weight;
  return { id, shape, dtype, layout, load };
}

/** Uses of one weight. */
function together(uses: readonly Use[]): [Use, ...Use[]][] {
  const groups = new Map<string, [Use, ...Use[]]>();
  for (const use of uses) {
    const key = identityOf(use.weight);
    const group = groups.get(key);
    if (group) group.push(use);
    else groups.set(key, [use]);
  }
  return [...groups.values()];
}

/** As MatMul takes it: `[inputs, outputs]`. */
function ofProduct(weight: Affine): Affine {
  return {
    ...weight,
    shape: weight.shape.toReversed(),
    layout: { ...weight.layout, outputs: weight.layout.outputs.map((axis) => 1 - axis) },
  };
}

/** The operators of the plain weight `name` in place of one that reads its parts. */
function readBy({ node, kind, by, bias, parts }: Use, name: string, isTransposed: boolean, soFar: readonly Node[] = [node]): Node[] {
  const [output = ''] = node.outputs;
  if (kind === 'rows') return [{ ...makeNode('Gather', [name, by], [output]), name: node.name }];
  if (kind === 'recurrent') return soFar.map((each) => plainLstm(each, parts[0] ?? '', name));
  const inputs = [by, name];
  const product = isTransposed
    ? makeNode('FusedMatMul', inputs, [output], { transB: 1 }, 'com.microsoft')
    : makeNode('MatMul', inputs, [output]);
  if (!bias) return [{ ...product, name: node.name }];
  const before = `${name}*`;
  return [
    { ...product, outputs: [before] },
    { ...makeNode('Add', [before, bias], [output]), name: node.name },
  ];
}

/** An LSTM that reads the weight `name` in place of its codes. It has two weights, one after the other. */
function plainLstm(node: Node, codes: string, name: string): Node {
  const inputs = node.inputs.slice(0, 8).map((input) => (input === codes ? name : input));
  return { ...node, op: 'LSTM', domain: '', inputs };
}
