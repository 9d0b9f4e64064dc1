import type { Target } from '../../../core/format.ts';
import { eachGraph, type Graph, type Node, type WeightId } from '../../../core/graph.ts';
import type { Kernels } from '../../../core/kernels.ts';
import type { Layer } from '../../../core/layers.ts';
import type { Model, Weight } from '../../../core/model.ts';
import type { Activations } from './activations.ts';
import type { Builder } from './builder.ts';
import { choose } from './choose.ts';
import { openCodesNames } from './codes-name.ts';
import { consumersOf } from './consumers.ts';
import { dynamicProduct } from './dynamic.ts';
import { dynamicLstms } from './dynamic-lstm.ts';
import { type AffineWeight, type Expansion, expand, widen } from './expand.ts';
import { type CodebookWeight, expandCodebook } from './expand-codebook.ts';
import { expandLevels, type LevelsWeight } from './expand-levels.ts';
import { partWeights } from './part.ts';
import type { Small } from './small.ts';
import { weightOnly } from './weight-only.ts';

/** The operators that take the place of one, in a graph that quantizes these activations. */
export type Replacement = (activations: Activations) => Node[];

/** What becomes of the compressed weights of a model, and of the operators that use them. */
export interface Plan {
  readonly stored: ReadonlyMap<WeightId, Stored>;
  /** Operators that read a weight in its stored form, and what takes their place. */
  readonly replaced: ReadonlyMap<Node, Replacement>;
  /** Operators that nobody needs any more. */
  readonly dropped: ReadonlySet<Node>;
}

/** A compressed weight in the file: its parts, and either how it is expanded or the names under which operators read them. */
export type Stored =
  | { readonly parts: readonly Weight[]; readonly expansion: Expansion['nodes'] }
  | { readonly parts: readonly Weight[]; readonly names: readonly string[] };

export function isStoredAsUsed({ layout, dtype }: Weight): boolean {
  return layout.kind === 'sparse' || (layout.kind === 'dense' && (dtype === 'string' || layout.dtype === dtype));
}

export function planLowering(
  { weights, execution }: Model,
  graph: Graph,
  layers: readonly Layer[],
  target: Target,
  builder: Builder,
  kernels: Kernels | undefined,
): Plan {
  const stored = new Map<WeightId, Stored>();
  const replaced = new Map<Node, Replacement>();
  const dropped = new Set<Node>();
  const layerOf = new Map(layers.map((layer) => [layer.weight.id, layer]));
  const names = namesOf(graph);
  const consumers = consumersOf(graph);
  const codesName = openCodesNames(graph);

  const smallForm = (layer: Layer, weight: AffineWeight): Small | undefined => {
    const wanted = execution.get(weight.id) ?? choose(layer, weight.layout, target);
    if (wanted === 'dynamic') return dynamicProduct(layer, weight, builder.opset);
    return wanted === 'weight-only' ? weightOnly(layer, weight) : undefined;
  };

  const keepSmall = (weight: AffineWeight): Stored | undefined => {
    const layer = layerOf.get(weight.id);
    const [name, ...others] = names.get(weight.id) ?? [];
    if (!layer || name === undefined || others.length > 0) return undefined;
    const form = smallForm(layer, weight);
    const between = consumers.between(name, new Set(layer.uses.map(({ node }) => node)));
    if (!form || !between || layer.uses.some(({ node }) => replaced.has(node))) return undefined;
    const codes = codesName(name, weight.layout, layer.uses);
    const partNames = form.parts.map((_, i) => (i === 0 ? codes : undefined) ?? builder.name());
    for (const { node } of layer.uses) replaced.set(node, (activations) => form.replace(node, partNames, builder, activations));
    for (const node of between) dropped.add(node);
    return { parts: partWeights(weight, form.parts, builder.id, kernels), names: partNames };
  };

  const isDynamic = ({ weight }: Layer) =>
    isAffine(weight) && execution.get(weight.id) === 'dynamic' && names.get(weight.id)?.length === 1 ? weight : undefined;
  for (const { node, weights: operands, replace } of dynamicLstms(layers, isDynamic)) {
    const [input, recurrent] = operands.map(({ layer, weight, parts }): (Stored & { names: readonly string[] }) | undefined => {
      const [name = ''] = names.get(weight.id) ?? [];
      if (!consumers.between(name, new Set([node]))) return undefined;
      const codes = codesName(name, weight.layout, layer.uses);
      return {
        parts: partWeights(weight, parts, builder.id, kernels),
        names: parts.map((_, i) => (i === 0 ? codes : undefined) ?? builder.name()),
      };
    });
    if (!input || !recurrent) continue;
    stored.set(operands[0].weight.id, input).set(operands[1].weight.id, recurrent);
    replaced.set(node, () => replace([input.names, recurrent.names], builder));
  }

  for (const weight of weights.values()) {
    if (isStoredAsUsed(weight) || stored.has(weight.id)) continue;
    if (isAffine(weight)) stored.set(weight.id, keepSmall(weight) ?? expanded(weight, builder, kernels));
    else if (isLevels(weight)) stored.set(weight.id, expandedLevels(weight, builder, kernels));
    else if (isCodebook(weight)) stored.set(weight.id, expandedCodebook(weight, builder, kernels));
    else stored.set(weight.id, widened(weight, builder));
  }
  return { stored, replaced, dropped };
}

function expanded(weight: AffineWeight, builder: Builder, kernels: Kernels | undefined): Stored {
  const { parts, nodes } = expand(weight);
  return { parts: partWeights(weight, parts, builder.id, kernels), expansion: nodes };
}

function expandedLevels(weight: LevelsWeight, builder: Builder, kernels: Kernels | undefined): Stored {
  const { parts, nodes } = expandLevels(weight);
  return { parts: partWeights(weight, parts, builder.id, kernels, 'levels'), expansion: nodes };
}

/** Stored in a narrower type than it is used in. */
function widened(weight: Weight, builder: Builder): Stored {
  const dtype = weight.layout.kind === 'dense' ? weight.layout.dtype : weight.dtype;
  return {
    parts: [{ ...weight, id: builder.id(`${weight.id}#q`), dtype }],
    expansion: ([name = ''], output) => widen(name, output, weight.dtype, builder),
  };
}

function expandedCodebook(weight: CodebookWeight, builder: Builder, kernels: Kernels | undefined): Stored {
  const { parts, nodes } = expandCodebook(weight);
  return { parts: partWeights(weight, parts, builder.id, kernels, 'codebook'), expansion: nodes };
}

function isCodebook(weight: Weight): weight is CodebookWeight {
  return weight.layout.kind === 'codebook';
}

function isLevels(weight: Weight): weight is LevelsWeight {
  return weight.layout.kind === 'levels';
}

function isAffine(weight: Weight): weight is AffineWeight {
  return weight.layout.kind === 'affine';
}

/** The names that each weight is declared under, over all graphs. */
function namesOf(root: Graph): Map<WeightId, string[]> {
  const names = new Map<WeightId, string[]>();
  for (const { graph } of eachGraph(root)) {
    for (const [name, id] of graph.initializers) names.set(id, [...(names.get(id) ?? []), name]);
  }
  return names;
}
