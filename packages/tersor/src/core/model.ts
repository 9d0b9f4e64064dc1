import type { DType, Shape } from './dtype.ts';
import type { Graph, WeightId } from './graph.ts';
import type { Layout } from './layout.ts';
import type { Tensor } from './tensor.ts';

export type FormatId = 'onnx' | 'safetensors' | 'gguf';

/** How the runtime should compute with a compressed weight. The format's lowering turns it into operators. */
export type Execution =
  /** Stored small, expanded when the model is loaded: the original's speed and memory. */
  | 'expand'
  /** Kept small in memory, expanded block by block inside the operator (MatMulNBits, GatherBlockQuantized). */
  | 'weight-only'
  /** Multiplied as integers, by activations that are quantized when they come: the activations' rounding adds to the error. */
  | 'dynamic';

/** Gives the values of a weight. */
export interface Load {
  (): Promise<Tensor>;
  /**
   * The same in parts, for weights that are larger than memory: the rows from `start` to before `end`, as `[end - start, columns]`. Absent where only
   * the whole is to be had. It belongs to this function: whoever changes a weight gives it another `load`.
   */
  readonly rows?: (start: number, end: number) => Promise<Tensor>;
  /** Says that nobody looks any more at a tensor that this gave, and no other call: see `Source.release`. */
  readonly release?: (tensor: Tensor) => void;
}

/** A weight that is not loaded yet: shape and layout are known, values come when `load` is called. */
export interface Weight {
  readonly id: WeightId;
  readonly shape: Shape;
  /** The type its consumers compute with, whatever the layout stores; `string` for text constants, which are carried, never changed. */
  readonly dtype: DType | 'string';
  readonly layout: Layout;
  /** Bytes that `load` reads, where that is more than it returns: a part of a larger weight, a sum over one. */
  readonly reads?: number;
  readonly load: Load;
  /** The values before they were rounded, for what makes up for that afterwards. */
  readonly original?: Load;
}

/** Facts about the file that are not weights or graph. */
export interface Meta {
  /** Key-value pairs that users and exporters put there (ONNX metadata_props). */
  readonly properties: ReadonlyMap<string, string>;
  /** Where it came from, for people: "pytorch 2.4". */
  readonly producer: string;
  /** The files that it was read from, the main one first; absent when it comes from none. */
  readonly files?: readonly { readonly name: string; readonly bytes: number }[];
  /** What only the format itself understands. */
  readonly format: unknown;
}

/** A file's header and its weights, unloaded. Immutable: a method returns a new model. */
export interface Model {
  readonly format: FormatId;
  readonly meta: Meta;
  readonly weights: ReadonlyMap<WeightId, Weight>;
  readonly graph?: Graph;
  /** Absent weights are used as they are stored. */
  readonly execution: ReadonlyMap<WeightId, Execution>;
}

/** The model with some weights replaced. `change` returns undefined to leave a weight alone. Nothing is loaded. */
export function mapWeights(model: Model, change: (weight: Weight) => Weight | undefined): Model {
  const weights = new Map<WeightId, Weight>();
  for (const weight of model.weights.values()) weights.set(weight.id, change(weight) ?? weight);
  return { ...model, weights };
}

/** The model with another graph; weights that no graph declares any more are dropped. */
export function withGraph(model: Model, graph: Graph, weights: ReadonlyMap<WeightId, Weight> = model.weights): Model {
  const used = new Set(declared(graph));
  return { ...model, graph, weights: new Map([...weights].filter(([id]) => used.has(id))) };
}

function* declared(graph: Graph): Generator<WeightId> {
  yield* graph.initializers.values();
  for (const node of graph.nodes) for (const inner of node.graphs.values()) yield* declared(inner);
}
