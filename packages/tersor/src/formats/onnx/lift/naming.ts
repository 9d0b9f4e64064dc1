import { eachGraph, type Graph, type WeightId } from '../../../core/graph.ts';
import { TRANSPOSED } from '../lower/codes-name.ts';
import { type Affine, identityOf, type Narrow, type Whole } from './term.ts';

/** How the weights that a model was given back are called. */
export interface Naming {
  /** The id of a weight that goes by `name`; the same for all terms that are made of the same parts in the same way. */
  id(term: Affine | Narrow | Whole, path: string, name: string): WeightId;
  /** A name for a value that no graph knows. */
  value(base: string): string;
  /** Whether codes of this name belong to a weight that is multiplied by transposed. */
  saysTransposed(name: string): boolean;
}

/** What other tools put behind a weight's name when they store it as codes: onnxruntime's quantizers. */
const SUFFIXES = [
  TRANSPOSED,
  '_DequantizeLinear_Output',
  '_quantized',
  ...[2, 4, 8].flatMap((bits) => [`_DQ_Q${bits}_output`, `_Q${bits}`]),
];

/** @param gone  names that are no initializers any more */
export function openNaming(root: Graph, gone: ReadonlyMap<Graph['initializers'], ReadonlySet<string>>): Naming {
  const names = new Set<string>();
  const ids = new Set<WeightId>();
  for (const { graph } of eachGraph(root)) {
    for (const { name } of graph.inputs) names.add(name);
    for (const { outputs } of graph.nodes) for (const name of outputs) names.add(name);
    for (const [name, id] of graph.initializers) {
      names.add(name);
      if (!gone.get(graph.initializers)?.has(name)) ids.add(id);
    }
  }
  const known = new Map<string, WeightId>();
  return {
    id: (term, path, name) => {
      const key = `${identityOf(term)} ${term.dtype}`;
      const same = known.get(key);
      if (same !== undefined) return same;
      const plain = `${path}${withoutSuffix(name)}`;
      const id = unused(ids.has(plain) ? `${path}${name}` : plain, ids);
      known.set(key, id);
      return id;
    },
    value: (base) => unused(base, names),
    saysTransposed: (name) => name.endsWith(TRANSPOSED),
  };
}

function withoutSuffix(name: string): string {
  const suffix = SUFFIXES.find((each) => name.endsWith(each) && name.length > each.length);
  return suffix ? name.slice(0, -suffix.length) : name;
}

function unused(base: string, taken: Set<string>): string {
  let fresh = base;
  while (taken.has(fresh)) fresh += '#';
  taken.add(fresh);
  return fresh;
}
