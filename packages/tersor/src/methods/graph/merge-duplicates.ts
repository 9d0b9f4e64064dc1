import { editGraphs } from '../../core/graph-edit/edit-graphs.ts';
import { LEAST_SHARED_BYTES, mergeInitializers } from '../../core/graph-edit/merge.ts';
import { mergeNodes } from '../../core/graph-edit/merge-nodes.ts';
import { withUniqueNames } from '../../core/graph-edit/names.ts';
import { isSmall } from '../../core/graph-edit/scope.ts';
import { count, type Tally, tallied } from '../../core/graph-edit/tally.ts';
import { bytesOf } from '../../core/layout.ts';
import { defineMethod } from '../../core/method.ts';
import { type Model, type Weight, withGraph } from '../../core/model.ts';
import { boolean } from '../../core/options.ts';

export const mergeOptions = {
  large: boolean({ default: false, doc: 'Compare weights above 64 KiB, too: reads those of equal type and shape once, one at a time.' }),
};

export default defineMethod({
  id: 'merge-duplicates',
  family: 'graph',
  summary: 'Stores equal weights once, and computes equal things once.',
  notes: `Two weights are equal when type, shape and the SHA-256 of their bytes are: 0 and -0 differ, and so do two kinds of NaN. Weights of
1 KiB and more are shared between the branches of an If, too. With \`large\` this is the one step that reads large weights before
anything is written (and keeps none of them); without it, only small ones and those that the file itself already shares are merged.
Operators with the same inputs and attributes become one, unless they draw random numbers.`,
  source: 'https://onnx.ai/onnx/repo-docs/IR.html#initializers',
  options: mergeOptions,
  changes: 'graph',
  loss: 'none',
  apply: (model, { large }, { note, signal }) => tallied('merge-duplicates', note, (tally) => mergeDuplicates(model, large, tally, signal)),
});

export async function mergeDuplicates(model: Model, large: boolean, tally: Tally, signal?: AbortSignal): Promise<Model> {
  if (!model.graph) return model;
  const keys = await keysOf(model, large, signal);
  const isLarge = (id: string) => bytesOf(model.weights.get(id) ?? NOTHING) >= LEAST_SHARED_BYTES;
  const { graph, merged } = mergeInitializers(withUniqueNames(model.graph), (id) => keys.get(id), isLarge);
  count(tally, 'merged # weights into equal ones', merged);
  return editGraphs(
    merged > 0 ? withGraph(model, graph) : model,
    (each) => {
      const edited = mergeNodes(each);
      count(tally, 'merged # operators into equal ones', each.nodes.length - edited.nodes.length);
      return edited;
    },
    signal,
  );
}

const NOTHING: Pick<Weight, 'shape' | 'layout'> = { shape: [0], layout: { kind: 'dense', dtype: 'u8' } };

/** What makes weights equal, by id: a hash where a twin is possible, otherwise the id itself. */
async function keysOf(model: Model, large: boolean, signal?: AbortSignal): Promise<Map<string, string>> {
  const kinds = new Map<string, number>();
  for (const weight of model.weights.values()) kinds.set(kindOf(model, weight), (kinds.get(kindOf(model, weight)) ?? 0) + 1);
  const keys = new Map<string, string>();
  for (const weight of model.weights.values()) {
    signal?.throwIfAborted();
    const kind = kindOf(model, weight);
    const compares = kinds.get(kind) !== 1 && weight.layout.kind === 'dense' && (large || isSmall(weight));
    keys.set(weight.id, compares ? `${kind} ${await hashOf(weight)}` : `only ${weight.id}`);
  }
  return keys;
}

function kindOf({ execution }: Model, { id, dtype, layout, shape }: Weight): string {
  return JSON.stringify([dtype, layout, shape, execution.get(id)]);
}

async function hashOf(weight: Weight): Promise<string> {
  const tensor = await weight.load();
  if (tensor.kind !== 'dense') return weight.id;
  // A copy of its own buffer: the digest does not take a view of memory that may be shared.
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(tensor.bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
