import type { Graph, Node, ValueInfo, WeightId } from '../core/graph.ts';
import { readBy } from '../core/graph-edit/uses.ts';
import { inferTypes } from '../core/infer-types.ts';
import type { Layer } from '../core/layers.ts';
import { type Model, withGraph } from '../core/model.ts';
import type { Probe } from './probe.ts';

/** The end of a probe's graph, from one of its operators on. */
export interface Suffix {
  readonly model: Model;
  /** Values that the operators before compute for it. */
  readonly crossing: readonly string[];
  /** Inputs of the probe that it reads, those that stand for weights apart. */
  readonly inputs: readonly string[];
  /** The layers whose every use lies in it. */
  readonly layers: ReadonlySet<WeightId>;
}

/** Of a cut's neighbourhood, the part in which the place with the fewest crossing values is looked for, to each side. */
const WINDOW = 0.4;
/** Values that would have to be kept for every input. */
const MOST_CROSSING = 6;

/**
 * The ends of a graph behind some `count` cuts that leave about as many layers between them: to know what a change of a layer does, only what comes after a
 * cut before it has to run again. None where outputs are computed early, or where many values cross every cut.
 */
export function suffixesOf({ model, inputs, switches }: Probe, layers: readonly Layer[], count: number): Suffix[] {
  const { graph } = model;
  if (!graph || layers.length < 2 * count) return [];
  const held = new Set([...inputs.values(), ...switches.values()]);
  const firsts = new Map(
    layers.map(({ weight: { id } }) => [id, firstUse(graph, new Set([inputs.get(id) ?? '', switches.get(id) ?? '']))]),
  );
  const positions = [...firsts.values()].sort((a, b) => a - b);
  const crossings = crossingsOf(graph, held);
  const cuts = new Set<number>();
  for (let part = 1; part < count; part++) {
    const wanted = (part * positions.length) / count;
    const reach = (WINDOW * positions.length) / count;
    const [from = 0, to = 0] = [positions[Math.ceil(wanted - reach)], positions[Math.floor(wanted + reach)]];
    const cut = quietest(crossings, from, positions[Math.round(wanted)] ?? from, to);
    if (cut !== undefined) cuts.add(cut);
  }
  return [...cuts].map((at) => suffixAt(model, graph, at, crossings[at]!, held, firsts));
}

/** The position of the first operator that reads any of these inputs, also through the Identity of a second name. */
function firstUse(graph: Graph, names: Set<string>): number {
  let first = graph.nodes.length;
  for (const [at, node] of graph.nodes.entries()) {
    if (![...readBy(node)].some((name) => name !== '' && names.has(name))) continue;
    if (node.op === 'Identity') for (const name of node.outputs) names.add(name);
    else first = Math.min(first, at);
  }
  return first;
}

/** For every position, the values computed before it that are read there or later, or are given out. */
function crossingsOf(graph: Graph, held: ReadonlySet<string>): string[][] {
  const lastUse = new Map(graph.outputs.map(({ name }) => [name, graph.nodes.length]));
  for (const [at, node] of graph.nodes.entries()) for (const name of readBy(node)) lastUse.set(name, Math.max(at, lastUse.get(name) ?? 0));
  const alive = new Map<string, number>();
  const aliases = new Set<string>(held);
  return graph.nodes.map((node, at) => {
    const crossing = [...alive].filter(([, last]) => last >= at).map(([name]) => name);
    const isAlias = node.op === 'Identity' && aliases.has(node.inputs[0] ?? '');
    for (const name of node.outputs) {
      if (name === '') continue;
      if (isAlias) aliases.add(name);
      else alive.set(name, lastUse.get(name) ?? -1);
    }
    return crossing;
  });
}

/** Where the fewest values cross; of several such places the nearest to `wanted`. */
function quietest(crossings: readonly (readonly string[])[], from: number, wanted: number, to: number): number | undefined {
  const places = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i).filter(
    (at) => at > 0 && at < crossings.length && crossings[at]!.length <= MOST_CROSSING,
  );
  const cost = (at: number) => crossings[at]!.length + Math.abs(at - wanted) / crossings.length;
  return places.reduce<number | undefined>((best, at) => (best === undefined || cost(at) < cost(best) ? at : best), undefined);
}

function suffixAt(
  model: Model,
  graph: Graph,
  at: number,
  crossing: readonly string[],
  held: ReadonlySet<string>,
  firsts: ReadonlyMap<WeightId, number>,
): Suffix {
  // Second names of weights stand before everything else.
  const aliases = graph.nodes.slice(0, at).filter((node) => node.op === 'Identity' && held.has(node.inputs[0] ?? ''));
  const nodes: Node[] = [...aliases, ...graph.nodes.slice(at)];
  const read = new Set(nodes.flatMap((node) => [...readBy(node)]));
  const types = inferTypes(graph, model.weights).get(graph);
  const given = crossing.map((name): ValueInfo => {
    const dtype = types?.typeOf(name);
    return { name, ...(dtype && { dtype }) };
  });
  const inputs = graph.inputs.filter(({ name }) => read.has(name));
  const initializers = new Map([...graph.initializers].filter(([name]) => read.has(name)));
  return {
    model: withGraph(model, { ...graph, nodes, inputs: [...inputs, ...given], initializers }),
    crossing,
    inputs: inputs.flatMap(({ name }) => (held.has(name) ? [] : [name])),
    layers: new Set([...firsts].flatMap(([id, first]) => (first >= at ? [id] : []))),
  };
}
