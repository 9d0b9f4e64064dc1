import { decode } from '../core/decode.ts';
import type { Value } from '../core/engine.ts';
import type { WeightId } from '../core/graph.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Model, Weight } from '../core/model.ts';
import type { OutputQuality } from '../core/report.ts';
import { openMemory } from '../io/memory-store.ts';
import { probeOf } from '../search/probe.ts';
import type { Job } from './job.ts';
import type { Referee } from './referee.ts';

/** Answers what-if questions about a model's weights with one session, whose inputs they are. */
export interface Assessor {
  /** See `QualityReport.drop`; of the model with these weights in place of its own, on the inputs to choose by. */
  drop(weights: ReadonlyMap<WeightId, Weight>): Promise<number>;
  /** A smooth distance to the original's outputs; see `distance`. */
  error(weights: ReadonlyMap<WeightId, Weight>): Promise<number>;
  close(): Promise<void>;
}

/** @param ids  the weights that questions will be about */
export async function openAssessor(job: Job, referee: Referee, model: Model, ids: ReadonlySet<WeightId>): Promise<Assessor> {
  const { session, inputs } = await openProbe(job, referee, model, ids);
  const held = new Map<WeightId, Weight>();
  const put = async (weights: ReadonlyMap<WeightId, Weight>) => {
    for (const [id, input] of inputs) {
      const weight = weights.get(id) ?? model.weights.get(id);
      if (!weight || held.get(id) === weight) continue;
      job.asked.signal?.throwIfAborted();
      await session.hold({ [input]: await floatsOf(weight, job.kernels) });
      held.set(id, weight);
    }
  };
  return {
    async drop(weights) {
      await put(weights);
      return (await referee.judge(session, 'choose')).drop;
    },
    async error(weights) {
      await put(weights);
      const { outputs } = await referee.compare(session, 'rank');
      return Math.max(0, ...outputs.filter(({ kind }) => kind !== 'state').map(distance));
    },
    close: () => session.close(),
  };
}

async function openProbe(job: Job, referee: Referee, model: Model, ids: ReadonlySet<WeightId>) {
  const { format } = job.input;
  const probe = probeOf(model, ids);
  const store = openMemory();
  await format.write(probe.model, store, 'probe', { target: job.target, kernels: job.kernels });
  await store.commit();
  const source = await store.open('probe');
  const session = await referee.engine.open({ bytes: await source.read(0, source.size) });
  // A user's own measure feeds the model's inputs; those that weights became are held.
  const held = new Set(probe.inputs.values());
  return { session: { ...session, inputs: session.inputs.filter(({ name }) => !held.has(name)) }, inputs: probe.inputs };
}

/** The floats that the runtime would compute with. */
async function floatsOf(weight: Weight, kernels: Kernels): Promise<Value> {
  const values = decode(await weight.load());
  const { shape, dtype } = weight;
  if (dtype === 'f16') return { dtype, shape, data: await kernels.toHalf(values) };
  if (dtype === 'bf16') return { dtype, shape, data: await kernels.toBfloat16(values) };
  if (dtype === 'f64') return { dtype, shape, data: Float64Array.from(values) };
  return { dtype: 'f32', shape, data: values };
}

/** Nats for classes, lost share of the variance for values: both fall smoothly to 0, and small independent errors add up in both. */
function distance({ kind, value, divergence }: OutputQuality): number {
  return kind === 'classes' && divergence !== undefined ? divergence : 1 - value;
}
