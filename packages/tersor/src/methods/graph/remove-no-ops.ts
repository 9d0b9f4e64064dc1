import type { Graph, Node } from '../../core/graph.ts';
import { editGraphs, type Site } from '../../core/graph-edit/edit-graphs.ts';
import { sourceOf } from '../../core/graph-edit/no-op.ts';
import { renameInNode, renameValues } from '../../core/graph-edit/rename.ts';
import { count, type Tally, tallied } from '../../core/graph-edit/tally.ts';
import { countUses } from '../../core/graph-edit/uses.ts';
import { defineMethod } from '../../core/method.ts';
import type { Model } from '../../core/model.ts';

export default defineMethod({
  id: 'remove-no-ops',
  family: 'graph',
  summary: 'Removes operators that change nothing, and everything that nothing uses.',
  notes: `Takes out Identity, Dropout, Cast to the same type, Transpose that keeps the order (and pairs that cancel), Reshape and Expand to the
same shape, Concat and Sum of one input, Pad by zero, Slice of everything, x + 0, x - 0, x * 1, x / 1, x ^ 1, and Squeeze/Unsqueeze pairs; then
nodes, constants and optional outputs that no output depends on. Inputs and outputs of the model keep their names, types and order. Free
dimensions are never taken for numbers: an operator goes only when it changes nothing for every input that the model accepts.`,
  source: 'https://onnx.ai/onnx/operators/',
  options: {},
  changes: 'graph',
  loss: 'none',
  apply: (model, _, { note, signal }) => tallied('remove-no-ops', note, (tally) => removeNoOps(model, tally, signal)),
});

export function removeNoOps(model: Model, tally: Tally, signal?: AbortSignal): Promise<Model> {
  return editGraphs(
    model,
    async (graph, site) => {
      const edited = await withoutNoOps(graph, site);
      count(tally, 'removed # operators that change nothing', graph.nodes.length - edited.nodes.length);
      return edited;
    },
    signal,
  );
}

async function withoutNoOps(graph: Graph, { scope, known }: Site): Promise<Graph> {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const producers = new Map<string, Node>();
  const uses = countUses(graph);
  const names = new Map<string, string>();
  const nodes: Node[] = [];
  const keep = (node: Node) => {
    for (const name of node.outputs) producers.set(name, node);
    nodes.push(node);
  };
  for (const original of graph.nodes) {
    const node = renameInNode(original, names);
    const source = await sourceOf(node, { scope, known, producer: (name) => producers.get(name), used: (name) => uses.has(name) });
    const [output = ''] = node.outputs;
    if (source === undefined) {
      keep(node);
    } else if (!outputs.has(output)) {
      names.set(output, source);
    } else if (producers.has(source) && !outputs.has(source)) {
      // Only a node of this graph can compute an output in the place of this one; an input, a constant or an outer value cannot.
      names.set(source, output);
      outputs.add(source);
      const producer = producers.get(source);
      if (producer) producers.set(output, producer);
    } else {
      keep(node);
    }
  }
  return nodes.length === graph.nodes.length ? graph : renameValues({ ...graph, nodes }, names);
}
