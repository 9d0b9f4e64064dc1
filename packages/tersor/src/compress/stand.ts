import { decode } from '../core/decode.ts';
import type { Session, Value } from '../core/engine.ts';
import type { WeightId } from '../core/graph.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Model, Weight } from '../core/model.ts';
import type { Option } from '../search/candidates.ts';
import type { Probe } from '../search/probe.ts';
import type { Job } from './job.ts';
import { openTemporarily } from './open-temporarily.ts';
import type { Referee } from './referee.ts';

/** The choice for each layer that has one. */
export type Chosen = ReadonlyMap<WeightId, Option>;

/** A model in the runtime whose weights are inputs, and remain what they are until others are put in their place. */
export interface Stand {
  readonly session: Session;
  put(chosen: Chosen): Promise<void>;
  close(): Promise<void>;
}

/** @param model  the probe's, or a part of its graph */
export async function openStand(job: Job, referee: Referee, original: Model, probe: Probe, model: Model): Promise<Stand> {
  const { input, target, kernels, asked } = job;
  const around = { format: input.format, target, kernels, ...(asked.signal && { signal: asked.signal }) };
  const { session, close } = await openTemporarily(referee.engine, model, around);
  const known = new Set(model.graph?.inputs.map(({ name }) => name));
  const held = new Map<string, unknown>();
  const hold = async (name: string, what: unknown, value: () => Promise<Value> | Value) => {
    if (!known.has(name) || held.get(name) === what) return;
    asked.signal?.throwIfAborted();
    await session.hold({ [name]: await value() });
    held.set(name, what);
  };
  // A user's own measure feeds the model's inputs; those that weights became are held.
  const stand = new Set([...probe.inputs.values(), ...probe.switches.values()]);
  return {
    session: { ...session, inputs: session.inputs.filter(({ name }) => !stand.has(name)) },
    async put(chosen) {
      for (const [id, name] of probe.inputs) {
        const weight = chosen.get(id)?.weight ?? original.weights.get(id);
        if (weight) await hold(name, weight, () => floatsOf(weight, kernels));
      }
      for (const [id, name] of probe.switches) {
        const isRounded = roundsActivations(chosen.get(id));
        await hold(name, isRounded, () => ({ dtype: 'bool', shape: [], data: Uint8Array.of(isRounded ? 1 : 0) }));
      }
    },
    close,
  };
}

/** Whether the runtime rounds a layer's activations to multiply them: with 8-bit weights that stay small, it does. */
export function roundsActivations(option: Option | undefined): boolean {
  if (!option?.steps || option.weight.layout.kind !== 'affine') return false;
  return option.execution === 'dynamic' || (option.execution === 'weight-only' && option.weight.layout.numeric.bits === 8);
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
