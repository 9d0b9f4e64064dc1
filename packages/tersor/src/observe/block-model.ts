import type { Graph, Node } from '../core/graph.ts';
import { removeDead } from '../core/graph-edit/remove-dead.ts';
import { readBy } from '../core/graph-edit/uses.ts';
import { inferTypes } from '../core/infer-types.ts';
import { type Model, withGraph } from '../core/model.ts';
import type { Block } from './blocks.ts';

/** A block as a model of its own: what it reads is fed, what is read behind it are the outputs. Weights keep their ids, values their names. */
export function blockModel(model: Model, { from, to, inputs, outputs }: Block): Model {
  return model.graph ? partModel(model, model.graph, { nodes: model.graph.nodes.slice(from, to), inputs, outputs }) : model;
}

/** Nodes of a graph, what they read that is fed or computed by others, and what they give. */
interface Part {
  readonly nodes: readonly Node[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Some nodes of a model's graph as a model. */
export function partModel(model: Model, graph: Graph, { nodes, inputs, outputs }: Part): Model {
  const types = inferTypes(graph, model.weights).get(graph);
  const fed = new Map(graph.inputs.map((info) => [info.name, info]));
  const stated = new Map(graph.outputs.map((info) => [info.name, info]));
  const infoOf = (name: string) => {
    const dtype = types?.typeOf(name);
    return { name, ...(dtype && { dtype }) };
  };
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const read = new Set(nodes.flatMap((node) => [...readBy(node)]));
  const defaults = graph.inputs.filter(({ name }) => graph.initializers.has(name) && read.has(name));
  const whole = {
    ...graph,
    nodes,
    inputs: [...inputs.map((name) => fed.get(name) ?? infoOf(name)), ...defaults],
    outputs: outputs.map((name) => stated.get(name) ?? graph.values.get(name) ?? infoOf(name)),
    values: new Map([...graph.values].filter(([name]) => made.has(name))),
  };
  return withGraph(model, removeDead(whole));
}
