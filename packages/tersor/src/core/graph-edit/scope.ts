import type { Graph, ValueInfo, WeightId } from '../graph.ts';
import type { TypeScope } from '../infer-types.ts';
import { bytesOf } from '../layout.ts';
import type { Weight } from '../model.ts';
import type { Dims } from '../shape-arithmetic.ts';
import type { DenseTensor } from '../tensor.ts';

/** What is known, without running anything, about the values that a graph's nodes can see: its own and those of the graphs around it. */
export interface Scope {
  /** The weight behind a name. Not of an initializer that is also an input: whoever runs the model may put another value there. */
  constant(name: string): Weight | undefined;
  /** Type and shape as declared; a weight's are exact. */
  type(name: string): ValueType | undefined;
  /** The operator set of ai.onnx. */
  readonly opset: number;
}

export type ValueType = Pick<ValueInfo, 'dtype' | 'shape'>;

export function scopeOf(graph: Graph, weights: ReadonlyMap<WeightId, Weight>, outer?: Scope): Scope {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const types = new Map<string, ValueType>();
  for (const info of [...graph.values.values(), ...graph.outputs, ...graph.inputs]) types.set(info.name, believable(info));
  const constants = new Map<string, Weight>();
  for (const [name, id] of graph.initializers) {
    const weight = weights.get(id);
    if (!weight || inputs.has(name)) continue;
    constants.set(name, weight);
    types.set(name, weight);
  }
  return {
    constant: (name) => constants.get(name) ?? outer?.constant(name),
    type: (name) => types.get(name) ?? outer?.type(name),
    opset: graph.opsets.get('') ?? outer?.opset ?? 0,
  };
}

/** The scope with what follows from the operators, where that says more than the file. */
export function withInferred(scope: Scope, shapes: ReadonlyMap<string, Dims>, types: TypeScope | undefined): Scope {
  return {
    ...scope,
    type: (name) => {
      const stated = scope.type(name);
      const dtype = stated?.dtype ?? types?.typeOf(name);
      const shape = shapes.get(name) ?? stated?.shape;
      return { ...(dtype && { dtype }), ...(shape && { shape }) };
    },
  };
}

/** Exporters write 0 and -1 where they mean "unknown". */
function believable({ dtype, shape }: ValueInfo): ValueType {
  const known = shape?.map((dimension) => (typeof dimension === 'number' && dimension <= 0 ? undefined : dimension));
  return { ...(dtype && { dtype }), ...(known && { shape: known }) };
}

/** What a method may read while it plans; larger weights are only read when the writer pulls them. */
const SMALL_BYTES = 65_536;

/** Whether a weight's values may be read while planning: stored plainly, in the type it is used as, for at most `SMALL_BYTES`. */
export function isSmall(weight: Weight): boolean {
  const { layout, dtype } = weight;
  return layout.kind === 'dense' && layout.dtype === dtype && readsOf(weight) <= SMALL_BYTES;
}

/** Bytes that have to be read to load a weight. */
export function readsOf(weight: Weight): number {
  return weight.reads ?? bytesOf(weight);
}

/** The values of a small weight, undefined for others. */
export async function readSmall(weight: Weight | undefined): Promise<DenseTensor | undefined> {
  if (!weight || !isSmall(weight)) return undefined;
  const tensor = await weight.load();
  return tensor.kind === 'dense' ? tensor : undefined;
}
