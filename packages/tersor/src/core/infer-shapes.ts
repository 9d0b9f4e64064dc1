import { elementsOf } from './dtype.ts';
import { evaluate, type Operand } from './evaluate-small/evaluate.ts';
import type { Known } from './evaluate-small/known.ts';
import type { Graph } from './graph.ts';
import type { Scope } from './graph-edit/scope.ts';
import type { Weight } from './model.ts';
import type { Dims } from './shape-arithmetic.ts';
import { outputDims } from './shape-rules.ts';

/** Shapes that are computed in the graph are small; anything larger is data. */
const MAX_VALUES = 256;

/**
 * The shapes of the values that a graph's nodes compute, from those of its inputs and weights, through shapes that the graph itself computes.
 * What cannot be inferred is taken from what the file states. A symbol says nothing.
 *
 * @param known  values of small constants
 */
export async function inferShapes(
  graph: Graph,
  scope: Scope,
  known: (name: string) => Promise<Known | undefined>,
): Promise<Map<string, Dims>> {
  const found = new Map<string, Operand>();
  const operandOf = async (name: string): Promise<Operand> => {
    const computed = found.get(name);
    if (computed || name === '') return computed ?? {};
    const shape = numeric(scope.type(name)?.shape);
    const weight = scope.constant(name);
    const values = weight && isShapeLike(weight) ? await known(name) : undefined;
    return { ...(shape && { shape }), ...(values && { known: values }) };
  };
  for (const node of graph.nodes) {
    const operands = await Promise.all(node.inputs.map(operandOf));
    const values = evaluate(node, scope.opset, operands);
    const dims = values?.map(({ shape }) => shape) ?? outputDims(node, scope.opset, operands);
    for (const [i, name] of node.outputs.entries()) {
      const shape = merged(dims?.[i], numeric(scope.type(name)?.shape));
      const value = values?.[i];
      found.set(name, { ...(shape && { shape }), ...(value && value.values.length <= MAX_VALUES && { known: value }) });
    }
  }
  return new Map([...found].flatMap(([name, { shape }]) => (shape ? [[name, shape] as const] : [])));
}

/** Whether a constant may say something about shapes; the others need not be read. */
function isShapeLike({ dtype, shape }: Weight): boolean {
  return (dtype === 'i64' || dtype === 'i32' || dtype === 'bool') && elementsOf(shape) <= MAX_VALUES;
}

function numeric(shape: readonly (number | string | undefined)[] | undefined): Dims | undefined {
  return shape?.map((size) => (typeof size === 'number' ? size : undefined));
}

function merged(inferred: Dims | undefined, declared: Dims | undefined): Dims | undefined {
  if (!inferred || !declared || inferred.length !== declared.length) return inferred ?? declared;
  return inferred.map((size, axis) => size ?? declared[axis]);
}
