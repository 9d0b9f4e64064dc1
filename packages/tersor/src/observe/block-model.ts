import { removeDead } from '../core/graph-edit/remove-dead.ts';
import { inferTypes } from '../core/infer-types.ts';
import { type Model, withGraph } from '../core/model.ts';
import type { Block } from './blocks.ts';

/** A block as a model of its own: what it reads is fed, what is read behind it are the outputs. Weights keep their ids, values their names. */
export function blockModel(model: Model, { from, to, inputs, outputs }: Block): Model {
  if (!model.graph) return model;
  const { graph } = model;
  const types = inferTypes(graph, model.weights).get(graph);
  const fed = new Map(graph.inputs.map((info) => [info.name, info]));
  const stated = new Map(graph.outputs.map((info) => [info.name, info]));
  const infoOf = (name: string) => {
    const dtype = types?.typeOf(name);
    return { name, ...(dtype && { dtype }) };
  };
  const nodes = graph.nodes.slice(from, to);
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const whole = {
    ...graph,
    nodes,
    inputs: [...inputs.map((name) => fed.get(name) ?? infoOf(name)), ...graph.inputs.filter(({ name }) => graph.initializers.has(name))],
    outputs: outputs.map((name) => stated.get(name) ?? graph.values.get(name) ?? infoOf(name)),
    values: new Map([...graph.values].filter(([name]) => made.has(name))),
  };
  return withGraph(model, removeDead(whole));
}
