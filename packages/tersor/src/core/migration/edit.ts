import { type Graph, mapGraphs, type Node, type WeightId } from '../graph.ts';
import { freshId } from '../graph-edit/edit-graphs.ts';
import { freshName } from '../graph-edit/names.ts';
import { removeDead } from '../graph-edit/remove-dead.ts';
import { changeWeight } from '../graph-edit/scale-weight.ts';
import { countUses } from '../graph-edit/uses.ts';
import { type Model, type Weight, withGraph } from '../model.ts';
import { takenNames } from '../taken-names.ts';
import type { Part } from './port.ts';

/** Changes of weights and operators that are made together. */
export interface Edit {
  /** A name that is not taken. */
  fresh(base: string): string;
  /** A new weight in the graph at `path`. @returns its name */
  declare(path: string, base: string, make: (id: WeightId) => Weight): string;
  /** An input of an operator comes from elsewhere. */
  rewire(node: Node, input: number, name: string): void;
  /** An output goes under another name. */
  rename(node: Node, output: string, name: string): void;
  before(node: Node, nodes: readonly Node[]): void;
  behind(node: Node, nodes: readonly Node[]): void;
  replace(node: Node, nodes: readonly Node[]): void;
  /** Values change in place when they are pulled, one change after the other; constants that others use, too, are copied. */
  change(path: string, part: Pick<Part, 'weight' | 'node' | 'input'>, work: Work): void;
  close(): Model;
}

export type Work = (values: Float64Array | Float32Array, shape: readonly number[]) => void | Promise<void>;

interface Place extends Pick<Part, 'node' | 'input'> {
  readonly path: string;
  readonly works: Work[];
}

/** @param graph  that of `model` */
export function openEdit(model: Model, graph: Graph): Edit {
  const weights = new Map(model.weights);
  const taken = takenNames(graph);
  const added = new Map<string, Map<string, WeightId>>();
  const inputs = new Map<Node, Map<number, string>>();
  const outputs = new Map<Node, Map<string, string>>();
  const [first, last, instead] = [new Map<Node, Node[]>(), new Map<Node, Node[]>(), new Map<Node, readonly Node[]>()];
  const changed = new Map<WeightId, Place[]>();
  const append = (to: Map<Node, Node[]>) => (node: Node, nodes: readonly Node[]) =>
    void to.set(node, [...(to.get(node) ?? []), ...nodes.map(unnamed)]);

  const edit: Edit = {
    fresh: (base) => freshName(taken, base),
    declare(path, base, make) {
      const name = freshName(taken, base);
      const id = freshId({ weights, path }, name);
      weights.set(id, make(id));
      added.set(path, (added.get(path) ?? new Map<string, WeightId>()).set(name, id));
      return name;
    },
    rewire: (node, input, name) => void inputs.set(node, (inputs.get(node) ?? new Map<number, string>()).set(input, name)),
    rename: (node, output, name) => void outputs.set(node, (outputs.get(node) ?? new Map<string, string>()).set(output, name)),
    before: append(first),
    behind: append(last),
    replace: (node, nodes) => void instead.set(node, nodes.map(unnamed)),
    change(path, { weight, node, input }, work) {
      const places = changed.get(weight) ?? [];
      changed.set(weight, places);
      const known = places.find((place) => place.node === node && place.input === input);
      if (known) known.works.push(work);
      else places.push({ node, input, path, works: [work] });
    },
    close() {
      const uses = usesOf(graph);
      for (const [id, places] of changed) {
        const original = model.weights.get(id);
        if (!original) continue;
        const isOwn = places.length === 1 && uses.get(id) === 1;
        for (const { node, input, path, works } of places) {
          const worked = changeWeight(original, async (values) => {
            for (const work of works) await work(values, original.shape);
          });
          if (isOwn) weights.set(id, worked);
          else
            edit.rewire(
              node,
              input,
              edit.declare(path, node.inputs[input] ?? 'constant', (copy) => ({ ...worked, id: copy })),
            );
        }
      }
      const edited = mapGraphs(graph, (inner, path) => {
        const nodes = inner.nodes.flatMap((node) => {
          const [reads, gives] = [inputs.get(node), outputs.get(node)];
          const own = {
            ...node,
            inputs: node.inputs.map((name, i) => reads?.get(i) ?? name),
            outputs: node.outputs.map((name) => gives?.get(name) ?? name),
          };
          return [...(first.get(node) ?? []), ...(instead.get(node) ?? [reads || gives ? own : node]), ...(last.get(node) ?? [])];
        });
        return { ...inner, nodes, initializers: new Map([...inner.initializers, ...(added.get(path) ?? [])]) };
      });
      return withGraph(model, removeDead(edited), weights);
    },
  };
  return edit;
}

/** Operators go by names of values, which other operators may be called by. */
function unnamed(node: Node): Node {
  return { ...node, name: '' };
}

function usesOf(graph: Graph): Map<WeightId, number> {
  const mentions = countUses(graph);
  const uses = new Map<WeightId, number>();
  const visit = ({ initializers, nodes }: Graph) => {
    for (const [name, id] of initializers) uses.set(id, (uses.get(id) ?? 0) + (mentions.get(name) ?? 0));
    for (const node of nodes) for (const body of node.graphs.values()) visit(body);
  };
  visit(graph);
  return uses;
}
