import type { Feeds } from '../core/engine.ts';
import { findLayers } from '../core/find-layers.ts';
import type { WeightId } from '../core/graph.ts';
import { withUniqueNames } from '../core/graph-edit/names.ts';
import type { Layer } from '../core/layers.ts';
import { type Model, mapWeights, withGraph } from '../core/model.ts';
import type { Observation, Observations } from '../core/observation.ts';
import type { Sample } from '../core/samples.ts';
import type { Tensor } from '../core/tensor.ts';
import { blockModel } from '../observe/block-model.ts';
import { type Block, findBlocks } from '../observe/blocks.ts';
import type { Runner } from './runner.ts';

/** A method with its options. */
interface Change {
  needs(model: Model, layers: readonly Layer[]): readonly Observation[];
  apply(model: Model, layers: readonly Layer[], observed: Observations): Promise<Model>;
  readonly signal?: AbortSignal;
}

/**
 * Changes layers block by block, in the order of computation: what a block is fed with comes from the blocks before it as they have become. Each block
 * runs twice on every sample, once to be observed and once changed; only what goes from block to block is kept. A model with state runs as a whole for
 * each block. Changed weights are computed at once, and kept.
 */
export async function applyInBlocks(
  model: Model,
  scope: readonly Layer[],
  runner: Runner,
  { needs, apply, signal }: Change,
): Promise<Model> {
  let result = model.graph ? withGraph(model, withUniqueNames(model.graph)) : model;
  const blocks = findBlocks(result);
  const layersOf = await layersByBlock(result, blocks, new Set(scope.map(({ weight }) => weight.id)));
  let kept = runner.samples.flatMap(({ steps }) => steps);
  for (const [index, block] of blocks.entries()) {
    signal?.throwIfAborted();
    const ids = layersOf.get(block) ?? new Set<WeightId>();
    const fed = kept.map((values, i): Sample => ({ id: `${i}`, steps: [picked(values, block.inputs)] }));
    if (ids.size > 0) {
      const layers = (await findLayers(result)).filter(({ weight }) => ids.has(weight.id));
      const wanted = needs(result, layers);
      const observed = runner.isStateless
        ? await runner.observe(blockModel(result, block), wanted, fed)
        : await runner.observe(result, wanted);
      const after = await apply(result, layers, observed);
      result = mapWeights(after, (weight) =>
        weight === result.weights.get(weight.id) ? undefined : { ...weight, load: once(weight.load) },
      );
    }
    if (!runner.isStateless || index === blocks.length - 1) continue;
    const later = new Set(blocks.slice(index + 1).flatMap(({ inputs }) => inputs));
    const next: Feeds[] = [];
    for await (const outputs of runner.run(blockModel(result, block), fed)) next.push(picked({ ...kept[next.length], ...outputs }, later));
    kept = next;
  }
  return result;
}

/** A layer that several blocks use belongs to the last of them. */
async function layersByBlock(
  model: Model,
  blocks: readonly Block[],
  scope: ReadonlySet<WeightId>,
): Promise<Map<Block, ReadonlySet<WeightId>>> {
  const last = new Map<WeightId, Block>();
  for (const block of blocks) {
    for (const { weight } of await findLayers(blockModel(model, block))) if (scope.has(weight.id)) last.set(weight.id, block);
  }
  return new Map(blocks.map((block) => [block, new Set([...last].flatMap(([id, at]) => (at === block ? [id] : [])))]));
}

function picked(values: Feeds, names: Iterable<string>): Feeds {
  return Object.fromEntries([...names].flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
}

function once(load: () => Promise<Tensor>): () => Promise<Tensor> {
  let loaded: Promise<Tensor> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
