import { branchPath, type Graph, type Node } from '../../../core/graph.ts';
import type { Model } from '../../../core/model.ts';
import { isMadeUp } from '../lower/builder.ts';
import { blockWeight } from './block-operators.ts';
import { dynamicProduct, quantizedValue } from './dynamic.ts';
import { recurrentWeights } from './dynamic-lstm.ts';
import { readNode } from './read-node.ts';
import type { Sight } from './sight.ts';
import { type SmallConstants, smallConstants } from './small-constants.ts';
import { type Affine, type Constant, type Narrow, nodesOf, type Term, type Whole } from './term.ts';

/** A weight that operators give back from its parts, as the value that `node` computes. */
export interface Expanded {
  readonly node: Node;
  readonly term: Affine | Narrow | Whole;
  readonly path: string;
}

/** An operator that reads a weight in its stored form: it multiplies by it, looks up its rows, or is an LSTM. */
export interface Use {
  readonly node: Node;
  readonly kind: 'product' | 'rows' | 'recurrent';
  readonly weight: Affine;
  /** What the operator computes of constants, the weight among them. */
  readonly term: Term;
  /** The constant that holds the codes. */
  readonly codes: Constant;
  /** The operator's inputs that nothing needs once the weight is there in one piece. */
  readonly parts: readonly string[];
  /** Looked up, or multiplied, by this value. */
  readonly by: string;
  /** Added to the product; `''` for nothing. */
  readonly bias: string;
}

export interface Stored {
  readonly expanded: readonly Expanded[];
  readonly uses: readonly Use[];
  /** What every operator of constants computes, in the order of the graph, those around a branch before those in it. */
  readonly terms: ReadonlyMap<Node, Term>;
  /** How often each name is read, over all graphs. */
  readonly readers: ReadonlyMap<string, number>;
  /** Names of outputs, of all graphs. */
  readonly outputs: ReadonlySet<string>;
}

/** Operators that one value may be made by. Lowering needs fewer than twenty; hostile graphs could square the work. */
const MAX_OPERATORS = 64;

interface Scope {
  readonly outer: Scope | undefined;
  /** A value that is no term is there, too, so that it hides one of the same name outside. */
  readonly values: Map<string, Term | undefined>;
}

interface Search {
  readonly weights: Model['weights'];
  readonly constants: SmallConstants;
  readonly readers: ReadonlyMap<string, number>;
  readonly outputs: ReadonlySet<string>;
  readonly terms: Map<Node, Term>;
  /** How many operators each term is made by. */
  readonly sizes: Map<Term, number>;
  readonly paths: Map<Node, string>;
  readonly uses: Use[];
}

/** The weights that a graph keeps in parts. Reads tables, axes and the like: a few bytes each; no weight. */
export async function findStored({ weights }: Model, root: Graph): Promise<Stored> {
  const { readers, outputs } = readersOf(root);
  const search: Search = {
    weights,
    constants: smallConstants(),
    readers,
    outputs,
    terms: new Map(),
    sizes: new Map(),
    paths: new Map(),
    uses: [],
  };
  await visit(root, '', undefined, search);
  const { terms, uses, paths } = search;
  const inner = new Set<Node>(uses.flatMap(({ term }) => nodesOf(term)));
  for (const [node, term] of terms) {
    if (isWeight(term) && term.node === node) for (const each of nodesOf(term)) if (each !== node) inner.add(each);
  }
  const expanded = [...terms].flatMap(([node, term]): Expanded[] => {
    const ends = term.kind === 'affine' || term.kind === 'whole' || (term.kind === 'narrow' && isMadeUp(term.stored.name));
    return ends && term.node === node && !inner.has(node) ? [{ node, term, path: paths.get(node) ?? '' }] : [];
  });
  const lookedUp = [...terms].flatMap(([node, term]): Use[] => {
    if (term.kind !== 'looked-up' || term.table.kind !== 'affine' || term.node !== node || inner.has(node)) return [];
    const codes = codesOf(term.table);
    return codes ? [{ node, kind: 'rows', weight: term.table, term, codes, parts: node.inputs, by: term.rows, bias: '' }] : [];
  });
  return { expanded, uses: [...uses, ...lookedUp], terms, readers, outputs };
}

function isWeight(term: Term): boolean {
  return term.kind === 'affine' || term.kind === 'whole' || (term.kind === 'looked-up' && term.table.kind === 'affine');
}

/** The constant behind a weight's codes: what every operator on the way reads first. */
function codesOf({ codes }: Affine): Constant | undefined {
  let term: Term = codes;
  for (let [first] = term.from; first; [first] = term.from) term = first;
  return term.kind === 'constant' ? term : undefined;
}

async function visit(graph: Graph, path: string, outer: Scope | undefined, search: Search): Promise<void> {
  const { weights, terms, paths, uses, constants, readers, outputs } = search;
  const scope: Scope = { outer, values: new Map(graph.inputs.map(({ name }) => [name, undefined])) };
  for (const [name, id] of graph.initializers) {
    const weight = weights.get(id);
    if (!weight || scope.values.has(name)) continue;
    const { shape, layout, dtype } = weight;
    const isPlain = layout.kind === 'dense' && layout.dtype === dtype;
    scope.values.set(name, isPlain ? { kind: 'constant', weight, shape, declared: graph.initializers, name, path, from: [] } : undefined);
  }
  for (const node of graph.nodes) {
    for (const [attribute, inner] of node.graphs) await visit(inner, branchPath(path, node, attribute), scope, search);
    if (node.graphs.size > 0) {
      for (const output of node.outputs) scope.values.set(output, undefined);
      continue;
    }
    const [first = ''] = node.inputs;
    const sight = {
      operand: (input: number) => lookUp(scope, node.inputs[input]),
      alone: readers.get(first) === 1 && !outputs.has(first),
      constants,
    };
    uses.push(...(await usesOf(node, sight)));
    const term = node.op === 'Identity' && node.domain === '' ? sight.operand(0) : await readNode(node, sight);
    for (const output of node.outputs) scope.values.set(output, undefined);
    const quantized = quantizedValue(node);
    quantized.forEach((each, i) => {
      scope.values.set(node.outputs[i] ?? '', each);
    });
    if (quantized[0]) terms.set(node, quantized[0]);
    if (!term || !isShort(term, search.sizes)) continue;
    scope.values.set(node.outputs[0] ?? '', term);
    terms.set(node, term);
    paths.set(node, path);
  }
}

/** The uses of weights in their stored form that an operator ends. */
async function usesOf(node: Node, sight: Sight): Promise<Use[]> {
  const found = (await recurrentWeights(node, sight)) ?? [];
  return [...found, (await dynamicProduct(node, sight)) ?? blockUse(node, sight)].flatMap((use): Use[] => {
    const codes = use && codesOf(use.weight);
    return codes ? [{ node, codes, ...use }] : [];
  });
}

function blockUse(node: Node, sight: Sight): Omit<Use, 'node' | 'codes'> | undefined {
  const weight = blockWeight(node, sight);
  if (!weight) return undefined;
  const { inputs } = node;
  const [first = '', second = '', , , , bias = ''] = inputs;
  if (node.op === 'MatMulNBits') return { kind: 'product', weight, term: weight, parts: inputs.slice(1, 5), by: first, bias };
  return { kind: 'rows', weight, term: weight, parts: inputs, by: second, bias: '' };
}

function isShort(term: Term, sizes: Map<Term, number>): boolean {
  const size = sizes.get(term) ?? term.from.reduce((sum, each) => sum + (sizes.get(each) ?? 1), 1);
  sizes.set(term, size);
  return size <= MAX_OPERATORS;
}

function lookUp(scope: Scope, name: string | undefined): Term | undefined {
  if (!name) return undefined;
  for (let at: Scope | undefined = scope; at; at = at.outer) if (at.values.has(name)) return at.values.get(name);
  return undefined;
}

function readersOf(root: Graph) {
  const readers = new Map<string, number>();
  const outputs = new Set<string>();
  const count = (graph: Graph) => {
    for (const { name } of graph.outputs) outputs.add(name);
    for (const node of graph.nodes) {
      for (const name of node.inputs) if (name !== '') readers.set(name, (readers.get(name) ?? 0) + 1);
      for (const inner of node.graphs.values()) count(inner);
    }
  };
  count(root);
  return { readers, outputs };
}
