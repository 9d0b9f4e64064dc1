import { eachGraph, type Graph, type Node } from '../graph.ts';
import { inferTypes } from '../infer-types.ts';
import type { Model } from '../model.ts';
import { eachFlow, type Flow, flowOf, producerOf, readersOf } from './flow.ts';
import { MOVES } from './keep.ts';
import { LARGEST, type Range } from './ranges.ts';

/** What lies between the largest activation that was seen and the largest that will come is not known: half of a half's range is left for it. */
const LIMIT = LARGEST.f16 / 2;

/** Operators for which minus infinity is as good as any large negative number. */
const LEVELS_OFF = new Set(['Softmax', 'Sigmoid', 'HardSigmoid', 'Relu', 'Exp', 'Tanh', 'Max', 'Clip']);
/** Operators that hand a score on to those, masks added. */
const HANDS_ON = new Set([...MOVES, 'Add', 'Where']);

const MAX_VALUES = 256;

/**
 * The values that `after`, which `halfPrecision` made of a model, holds as halves, whether as they are computed or as they are read.
 * @returns path and name, as in `before`; both with unique names
 */
export function halvesOf(before: Model, after: Model): Set<string> {
  if (!before.graph || !after.graph) return new Set();
  const [old, young] = [inferTypes(before.graph, before.weights), inferTypes(after.graph, after.weights)];
  const halves = new Set<string>();
  for (const { graph, path } of eachGraph(after.graph)) {
    const scope = young.get(graph);
    for (const { op, inputs, outputs } of graph.nodes) {
      for (const name of outputs) if (scope?.typeOf(name) === 'f16') halves.add(path + name);
      const [from = '', to = ''] = [inputs[0], outputs[0]];
      if (op === 'Cast' && scope?.typeOf(from) === 'f16') halves.add(path + to);
      if (op === 'Cast' && scope?.typeOf(to) === 'f16') halves.add(path + from);
    }
  }
  const floats = [...eachGraph(before.graph)].flatMap(({ graph, path }) =>
    graph.nodes.flatMap(({ outputs }) => outputs.flatMap((name) => (old.get(graph)?.typeOf(name) === 'f32' ? [path + name] : []))),
  );
  return new Set(floats.filter((id) => halves.has(id)));
}

/** Whether a half could not hold what was seen of a value, with a margin; what only masks may become infinite. */
export function isTooLarge(graph: Graph, id: string, { min, max }: Pick<Range, 'min' | 'max'>): boolean {
  if (max > LIMIT) return true;
  if (!(min < -LIMIT)) return false;
  const at = placeOf(flowOf(graph), graph, id);
  return !at || !levelsOff(at.flow, at.name, new Set());
}

function levelsOff(flow: Flow, name: string, seen: Set<unknown>): boolean {
  const readers = readersOf(flow, name);
  if (seen.has(readers)) return true;
  seen.add(readers);
  if (readers.length === 0 || seen.size > MAX_VALUES || flow.graph.outputs.some((output) => output.name === name)) return false;
  return readers.every(({ node, flow: at }) => {
    if (LEVELS_OFF.has(node.op)) return true;
    return HANDS_ON.has(node.op) && node.outputs.every((output) => levelsOff(at, output, seen));
  });
}

/**
 * The nodes that have to go on computing with 32-bit floats so that a value is one wherever it is: what makes it and what reads it.
 * @returns what they are called in `keep`: by first output
 */
export function nodesAround(graph: Graph, id: string): string[] {
  const at = placeOf(flowOf(graph), graph, id);
  if (!at) return [];
  const maker = producerOf(at.flow, at.name)?.node;
  const nodes = [...(maker ? [maker] : []), ...readersOf(at.flow, at.name).map(({ node }) => node)];
  return [...new Set(nodes.flatMap(firstOutput))];
}

function firstOutput({ outputs }: Node): string[] {
  return outputs.filter((name) => name !== '').slice(0, 1);
}

function placeOf(root: Flow, graph: Graph, id: string): { readonly flow: Flow; readonly name: string } | undefined {
  const paths = new Map([...eachGraph(graph)].map(({ graph: inner, path }) => [inner, path]));
  for (const flow of eachFlow(root)) {
    const path = paths.get(flow.graph);
    if (path !== undefined && id.startsWith(path) && flow.producers.has(id.slice(path.length)))
      return { flow, name: id.slice(path.length) };
  }
  return undefined;
}
