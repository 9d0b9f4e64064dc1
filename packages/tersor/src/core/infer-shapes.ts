import { elementsOf } from './dtype.ts';
import { evaluate, type Operand } from './evaluate-small/evaluate.ts';
import type { Known } from './evaluate-small/known.ts';
import type { Graph, Node } from './graph.ts';
import type { Scope } from './graph-edit/scope.ts';
import type { Weight } from './model.ts';
import type { Dims } from './shape-arithmetic.ts';
import { outputDims } from './shape-rules.ts';

/** Shapes that are computed in the graph are small; anything larger is data. */
const MAX_VALUES = 256;
/** Factors of Resize, one an axis. */
const MAX_SCALES = 8;

/** What is known of a value that comes from outside of the graph: a body's input, a value of the graph around it. */
export type Lookup = (name: string) => Operand | undefined;

/** Follows the subgraphs of a node: the shapes of its outputs, from its inputs and from what the subgraphs see. */
export type InferBodies = (node: Node, operands: readonly Operand[], lookup: Lookup) => Promise<readonly (Dims | undefined)[] | undefined>;

/** The shapes of the values that a graph's nodes compute, see `inferValues`. */
export async function inferShapes(
  graph: Graph,
  scope: Scope,
  known: (name: string) => Promise<Known | undefined>,
): Promise<Map<string, Dims>> {
  const found = await inferValues(graph, scope, known);
  return new Map([...found].flatMap(([name, { shape }]) => (shape ? [[name, shape] as const] : [])));
}

/**
 * What is known of the values that a graph's nodes compute, from the shapes of its inputs and weights, through shapes that the graph itself
 * computes. What cannot be inferred is taken from what the file states. A symbol says nothing.
 *
 * @param known  values of small constants
 * @param outside  what is known of values from outside
 * @param bodies  follows subgraphs; without it their results are what the file states
 */
export async function inferValues(
  graph: Graph,
  scope: Scope,
  known: (name: string) => Promise<Known | undefined>,
  outside: Lookup = () => undefined,
  bodies?: InferBodies,
): Promise<ReadonlyMap<string, Operand>> {
  const found = new Map<string, Operand>();
  const lookup: Lookup = (name) => found.get(name) ?? outside(name);
  const operandOf = async (name: string): Promise<Operand> => {
    const computed = name === '' ? {} : lookup(name);
    if (computed) return computed;
    const shape = numeric(scope.type(name)?.shape);
    const weight = scope.constant(name);
    const values = weight && isShapeLike(weight) ? await known(name) : undefined;
    return { ...(shape && { shape }), ...(values && { known: values }) };
  };
  for (const node of graph.nodes) {
    const operands = await Promise.all(node.inputs.map(operandOf));
    const values = evaluate(node, scope.opset, operands);
    const inner = node.graphs.size > 0 ? await bodies?.(node, operands, lookup) : undefined;
    const dims = values?.map(({ shape }) => shape) ?? inner ?? outputDims(node, scope.opset, operands);
    for (const [i, name] of node.outputs.entries()) {
      const shape = merged(dims?.[i], outside(name)?.shape ?? numeric(scope.type(name)?.shape));
      const value = values?.[i];
      found.set(name, { ...(shape && { shape }), ...(value && value.values.length <= MAX_VALUES && { known: value }) });
    }
  }
  return found;
}

/** Whether a constant may say something about shapes; the others need not be read. */
function isShapeLike({ dtype, shape }: Weight): boolean {
  if (dtype === 'f32') return elementsOf(shape) <= MAX_SCALES;
  return (dtype === 'i64' || dtype === 'i32' || dtype === 'bool') && elementsOf(shape) <= MAX_VALUES;
}

function numeric(shape: readonly (number | string | undefined)[] | undefined): Dims | undefined {
  return shape?.map((size) => (typeof size === 'number' ? size : undefined));
}

function merged(inferred: Dims | undefined, declared: Dims | undefined): Dims | undefined {
  if (!inferred || !declared || inferred.length !== declared.length) return inferred ?? declared;
  return inferred.map((size, axis) => size ?? declared[axis]);
}
