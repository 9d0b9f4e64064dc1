import { fileURLToPath } from 'node:url';
import { openModel } from '../../packages/tersor/src/compress/open-model.ts';
import { openTemporarily } from '../../packages/tersor/src/compress/open-temporarily.ts';
import { type Arrays, arraysInMemory } from '../../packages/tersor/src/core/arrays.ts';
import type { Engine, Feeds, SessionOptions } from '../../packages/tersor/src/core/engine.ts';
import { findLayers } from '../../packages/tersor/src/core/find-layers.ts';
import { inferTypes } from '../../packages/tersor/src/core/infer-types.ts';
import type { Model } from '../../packages/tersor/src/core/model.ts';
import { type Observation, type Observations, ofInput, ofValue } from '../../packages/tersor/src/core/observation.ts';
import { openEngine } from '../../packages/tersor/src/engine/engine-node.ts';
import { peakMemory } from '../../packages/tersor/src/io/node-process.ts';
import { openKernels } from '../../packages/tersor/src/kernels/open-kernels.ts';
import { observe } from '../../packages/tersor/src/observe/observe.ts';

export const MINILM = fileURLToPath(new URL('../../.cache/fixtures/minilm/model.onnx', import.meta.url));
export const BATCH = 8;
export const LENGTH = 128;
export const THREADS = 1;

export type Kind = 'range' | 'histogram' | 'gram';

/** What calibrators look at: activations that matrix products read, and what they give. */
function tensorsOf({ graph, weights }: Model): string[] {
  const types = graph && inferTypes(graph, weights).get(graph);
  const products = graph?.nodes.filter(({ op }) => op === 'MatMul') ?? [];
  const names = products.flatMap(({ inputs, outputs }) => [...inputs.filter((name) => !graph?.initializers.has(name)), ...outputs]);
  return [...new Set(names)].filter((name) => types?.typeOf(name) === 'f32');
}

async function observationsOf(model: Model, kind: Kind): Promise<Observation[]> {
  if (kind !== 'gram') return tensorsOf(model).map((name) => ofValue(name, kind));
  const layers = await findLayers(model);
  return layers.filter((layer) => layer.kind === 'linear').map(({ weight }) => ofInput(weight.id, 'gram'));
}

/**
 * The whole call, from the file to what was found, the runtime's process included.
 * @param around  what stands around each batch
 */
export async function observeMiniLM(
  kind: Kind,
  batches: readonly Feeds[],
  {
    around = (batch) => batch(),
    results = arraysInMemory(),
  }: { readonly around?: (batch: () => Promise<void>) => Promise<void>; readonly results?: Arrays } = {},
): Promise<{ readonly observations: readonly Observation[]; readonly found: Observations; readonly memory: number }> {
  const [{ model, format, close: closeModel }, engine, kernels] = await Promise.all([
    openModel(MINILM),
    openEngine(),
    openKernels({ threads: 0 }),
  ]);
  try {
    const observations = await observationsOf(model, kind);
    const threaded: Engine = { ...engine, open: (source, options) => engine.open(source, { ...options, threads: THREADS }) };
    const paused: Pick<Engine, 'fold' | 'folded'> = { ...engine, fold: (...args) => around(() => engine.fold(...args)) };
    const samples = batches.map((feeds, i) => ({ id: `${i}`, steps: [feeds] }));
    const writing = { format, target: 'node', kernels } as const;
    const open = (watched: Model, options?: SessionOptions) => openTemporarily(threaded, watched, writing, options);
    const found = await observe(paused, model, observations, samples, { open, results });
    const memory = ((await engine.peakMemory()) ?? 0) + peakMemory();
    return { observations, found, memory };
  } finally {
    await engine.close();
    await kernels.close();
    await closeModel();
  }
}
