import type { FolderFile } from './folder-report.ts';
import type { ValueInfo } from './graph.ts';
import type { LayerKind } from './layers.ts';
import type { Recipe } from './recipe.ts';

/** What is inside a model, without loading a weight. Data only: printing is the command line's. */
export interface Inspection {
  readonly path: string;
  readonly format: string;
  /** All files together, external data included. */
  readonly bytes: number;
  /** Where it came from, for people: "pytorch 2.4". */
  readonly producer: string;
  /** Operator set versions by domain; `''` is ai.onnx. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly Pick<ValueInfo, 'name' | 'dtype' | 'shape'>[];
  readonly outputs: readonly Pick<ValueInfo, 'name' | 'dtype' | 'shape'>[];
  /** Elements of all floating-point and quantized weights; a tied weight counts once. */
  readonly parameters: number;
  readonly weights: readonly InspectedWeight[];
  /** How many nodes use each operator, branches included: `Conv`, `com.microsoft.MatMulNBits`. */
  readonly operators: Readonly<Record<string, number>>;
  /** Weights and operators that show that the model is quantized already, in words; empty when nothing does. */
  readonly alreadyQuantized: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The recipe that made it, where tersor did and this version can follow it. */
  readonly recipe?: Recipe;
}

/** What is inside a folder of models. */
export interface FolderInspection {
  readonly path: string;
  /** Of all models, external data included. */
  readonly bytes: number;
  readonly models: readonly {
    /** Path inside the folder. */
    readonly name: string;
    /** Files that hold the same model in less precision. */
    readonly variants: readonly string[];
    readonly inspection: Inspection;
  }[];
  /** What else a result would carry along, and what it would leave out. */
  readonly files: readonly FolderFile[];
}

export interface InspectedWeight {
  readonly id: string;
  readonly shape: readonly number[];
  /** The type its consumers compute with. */
  readonly dtype: string;
  /** The layout in words: "f32", "sparse f32". */
  readonly layout: string;
  readonly bytes: number;
  /** Absent where the weight is not a matrix that a layer computes with: a bias, a constant. */
  readonly kind?: LayerKind;
  /** How many nodes compute with it. */
  readonly uses: number;
}
