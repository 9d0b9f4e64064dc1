import { elementsOf, isFloat } from '../core/dtype.ts';
import { type Graph, intAttribute, type Node, type WeightId } from '../core/graph.ts';
import type { Model, Weight } from '../core/model.ts';

/** Where a weight of an ONNX model comes from, as far as names and uses tell. */
export interface OnnxPlace {
  readonly weight: Weight;
  /** PyTorch's name of it, or the graph's own. */
  readonly name: string;
  /** The graph has it the other way round: `[inputs, outputs]`, where PyTorch's linear layers keep `[outputs, inputs]`. */
  readonly isTransposed: boolean;
}

interface Use {
  readonly node: Node;
  readonly input: number;
}

/** Names that exporters make up when they compute a weight beforehand: its own is gone then, but nodes are still named by modules. */
const MADE_UP = /^(onnx::|val_\d|_v_\d|\d+$|\/)|_output_\d+$/;

/** What parameters of a module are called, by operator and input. */
const PARAMETERS: Readonly<Record<string, string>> = {
  'MatMul 1': 'weight',
  'Gemm 1': 'weight',
  'Gemm 2': 'bias',
  'Conv 1': 'weight',
  'Conv 2': 'bias',
  'ConvTranspose 1': 'weight',
  'ConvTranspose 2': 'bias',
  'Gather 0': 'weight',
};

/** Every weight of floats that is more than a constant of some operator. */
export function onnxPlaces({ graph, weights }: Model): OnnxPlace[] {
  const uses = graph ? usesOf(graph) : new Map<WeightId, Use[]>();
  const taken = new Set(weights.keys());
  return [...weights.values()].filter(isParameter).map((weight): OnnxPlace => {
    const used = uses.get(weight.id) ?? [];
    const isMadeUp = MADE_UP.test(weight.id);
    const found = isMadeUp ? nameByModule(used) : undefined;
    const name = found === undefined || taken.has(found) ? weight.id : found;
    taken.add(name);
    return { weight, name, isTransposed: weight.shape.length === 2 && used.length > 0 && used.every((use) => turnsRound(use, isMadeUp)) };
  });
}

/** Branches see the names of the graphs around them. */
function usesOf(graph: Graph, uses = new Map<WeightId, Use[]>(), around = new Map<string, WeightId>()): Map<WeightId, Use[]> {
  const seen = new Map([...around, ...graph.initializers]);
  for (const node of graph.nodes) {
    node.inputs.forEach((name, input) => {
      const id = seen.get(name);
      if (id === undefined) return;
      const known = uses.get(id);
      if (known) known.push({ node, input });
      else uses.set(id, [{ node, input }]);
    });
    for (const inner of node.graphs.values()) usesOf(inner, uses, seen);
  }
  return uses;
}

function isParameter({ dtype, shape }: Weight): boolean {
  return dtype !== 'string' && isFloat(dtype) && elementsOf(shape) > 1;
}

/** A linear layer becomes a MatMul by its matrix the other way round; Gemm may take it as it is. */
function turnsRound({ node, input }: Use, isMadeUp: boolean): boolean {
  if (input !== 1 || node.domain !== '') return false;
  return node.op === 'MatMul' || (node.op === 'Gemm' && isMadeUp && intAttribute(node, 'transB', 0) === 0);
}

/** `/encoder/layer.0/query/MatMul` → `encoder.layer.0.query.weight`. */
function nameByModule([use]: readonly Use[]): string | undefined {
  if (!use) return undefined;
  const parameter = PARAMETERS[`${use.node.op} ${use.input}`];
  const modules = use.node.name
    .split('/')
    .filter((part) => part !== '')
    .slice(0, -1);
  return parameter === undefined || modules.length === 0 ? undefined : `${modules.join('.')}.${parameter}`;
}
