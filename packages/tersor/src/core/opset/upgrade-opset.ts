import { decode, integersOf } from '../decode.ts';
import type { DType } from '../dtype.ts';
import { TersorError } from '../error.ts';
import { branchPath, type Graph, type Node, type WeightId } from '../graph.ts';
import { freshName, withUniqueNames } from '../graph-edit/names.ts';
import { readSmall } from '../graph-edit/scope.ts';
import { countUses } from '../graph-edit/uses.ts';
import { inferTypes, type Types } from '../infer-types.ts';
import { type Model, type Weight, withGraph } from '../model.ts';
import { takenNames } from '../taken-names.ts';
import { type Adapters, type Edit, refusal } from './adapter.ts';
import { ATTRIBUTES_TO_INPUTS } from './adapters/attributes-to-inputs.ts';
import { NORMALIZATION } from './adapters/normalization.ts';
import { OTHER } from './adapters/other.ts';
import { RESIZE } from './adapters/resize.ts';
import { OPERATORS } from './operators.gen.ts';
import { type RankOf, ranksIn } from './rank.ts';
import { isStandard } from './signature.ts';
import { smallTensor } from './small-tensor.ts';
import { UNCHANGED } from './unchanged.ts';

/** Opsets that an upgrade starts from and ends at. */
export const OPSETS = { first: 7, last: 25 } as const;

/** How nodes are carried over versions that mean something else. */
export const ADAPTERS: Adapters = { ...ATTRIBUTES_TO_INPUTS, ...NORMALIZATION, ...RESIZE, ...OTHER };

/** What all graphs of the model share while it is carried over. */
interface Upgrade {
  readonly from: number;
  readonly to: number;
  readonly types: Types;
  readonly taken: Map<string, number>;
  /** Grows with the constants that adapters add. */
  readonly weights: Map<WeightId, Weight>;
}

/**
 * The same computation in a newer version of the standard operators, subgraphs included. Every node is carried over each version in
 * which its operator changed; operators of other domains stay.
 *
 * @throws OPTION_VALUE when `to` lies outside 7..25 or below the model's opset
 * @throws FILE_UNSUPPORTED naming the node that cannot be carried over, or whose operator the model's opset does not have
 * Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
export async function upgradeOpset(model: Model, to: number): Promise<Model> {
  if (!model.graph) return model;
  const from = model.graph.opsets.get('');
  if (from === undefined || from === to) return model;
  checkOpsets(from, to);
  const graph = withUniqueNames(model.graph);
  const upgrade: Upgrade = { from, to, types: inferTypes(graph, model.weights), taken: takenNames(graph), weights: new Map(model.weights) };
  const upgraded = await upgradeGraph(
    graph,
    '',
    () => undefined,
    async () => undefined,
    upgrade,
  );
  return withGraph(model, upgraded, upgrade.weights);
}

function checkOpsets(from: number, to: number): void {
  if (from < OPSETS.first || from > OPSETS.last) {
    throw new TersorError(
      'FILE_UNSUPPORTED',
      `opset ${from}`,
      `upgrades start from ${OPSETS.first} to ${OPSETS.last}`,
      'export the model again',
    );
  }
  if (to > OPSETS.last) throw new TersorError('OPTION_VALUE', `opset ${to}`, `the newest known is ${OPSETS.last}`);
  if (to < from) throw new TersorError('OPTION_VALUE', `opset ${to}`, `the model has ${from} already`, 'opsets only go up');
}

type ValuesOf = Edit['valuesOf'];

async function upgradeGraph(graph: Graph, path: string, outerRank: RankOf, outerValues: ValuesOf, upgrade: Upgrade): Promise<Graph> {
  const rankOf = ranksIn(graph, upgrade.weights, outerRank);
  const initializers = new Map(graph.initializers);
  const valuesOf = valuesIn(graph, initializers, upgrade.weights, outerValues);
  const edit = editOf(graph, path, rankOf, valuesOf, initializers, upgrade);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const graphs = new Map<string, Graph>();
    for (const [key, body] of node.graphs)
      graphs.set(key, await upgradeGraph(body, branchPath(path, node, key), rankOf, valuesOf, upgrade));
    for (const carried of await carry({ ...node, graphs }, upgrade.from, upgrade.to, edit)) nodes.push(carried);
  }
  return { ...graph, nodes, initializers, opsets: new Map([...graph.opsets, ['', upgrade.to]]) };
}

/** The node in terms of opset `to`. @param at the opset it is written in */
async function carry(node: Node, at: number, to: number, edit: Edit): Promise<readonly Node[]> {
  if (!isStandard(node)) return [node];
  const versions = Object.hasOwn(OPERATORS, node.op) ? OPERATORS[node.op] : undefined;
  const now = versions?.findLast(([since]) => since <= at);
  if (!versions || !now) throw refusal(node, `opset ${at} has no such operator`);
  const next = versions.find(([since]) => since > at);
  if (now[2] === '-' && !next) throw refusal(node, `the operator ended with opset ${now[0]}`);
  if (!next || next[0] > to) return [node];
  const [version, , changed] = next;
  const adapt = ADAPTERS[node.op]?.[version];
  if (!adapt && changed && !UNCHANGED[node.op]?.includes(version)) throw refusal(node, `cannot be carried over opset ${version} yet`);
  const carried: Node[] = [];
  for (const one of adapt ? nameOnce(node, await adapt(node, edit)) : [node]) carried.push(...(await carry(one, version, to, edit)));
  return carried;
}

/** Of the nodes that stand for `node` only the one that is still it has its name: names of nodes are unique. */
function nameOnce({ op, name }: Node, nodes: readonly Node[]): readonly Node[] {
  return nodes.map((one) => (one.name === name && (one.op === op || nodes.length === 1) ? one : { ...one, name: '' }));
}

function editOf(
  graph: Graph,
  path: string,
  rankOf: RankOf,
  valuesOf: ValuesOf,
  initializers: Map<string, WeightId>,
  { types, taken, weights }: Upgrade,
): Edit {
  const scope = types.get(graph);
  const uses = countUses(graph);
  const known = new Map<string, string>();
  const fresh = (base: string) => freshName(taken, base);
  return {
    fresh,
    rankOf,
    valuesOf,
    typeOf: (name) => scope?.typeOf(name),
    isRead: (name) => (uses.get(name) ?? 0) > 0,
    constant(dtype: DType, shape, values) {
      const key = `${dtype} [${shape}] ${values.map((value) => (Object.is(value, -0) ? '-0' : value))}`;
      const same = known.get(key);
      if (same !== undefined) return same;
      const name = fresh(`const_${dtype}_${values.slice(0, 4).join('_') || 'empty'}`);
      const tensor = smallTensor(dtype, shape, values);
      const id = freshId(`${path}${name}`, weights);
      weights.set(id, { id, shape, dtype, layout: { kind: 'dense', dtype }, load: async () => tensor });
      initializers.set(name, id);
      known.set(key, name);
      return name;
    },
  };
}

function freshId(base: string, weights: ReadonlyMap<WeightId, Weight>): WeightId {
  let id = base;
  for (let i = 1; weights.has(id); i++) id = `${base}_${i}`;
  return id;
}

/** Reads small constants of the graph, or of those around it; not what an input can replace. */
function valuesIn(
  graph: Graph,
  initializers: ReadonlyMap<string, WeightId>,
  weights: ReadonlyMap<WeightId, Weight>,
  outer: ValuesOf,
): ValuesOf {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap((node) => node.outputs)]);
  return async (name) => {
    if (own.has(name)) return undefined;
    const id = initializers.get(name);
    if (id === undefined) return outer(name);
    const tensor = await readSmall(weights.get(id));
    return tensor && (tensor.dtype === 'i64' ? integersOf(tensor) : [...decode(tensor)]);
  };
}
