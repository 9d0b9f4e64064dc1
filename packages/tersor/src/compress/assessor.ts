import { decode } from '../core/decode.ts';
import type { Value } from '../core/engine.ts';
import type { WeightId } from '../core/graph.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Layer } from '../core/layers.ts';
import type { Model, Weight } from '../core/model.ts';
import type { OutputQuality, QualityReport } from '../core/report.ts';
import type { Numbers } from '../io/node-numbers.ts';
import { keyOf, type Option } from '../search/candidates.ts';
import { type Probe, probeOf } from '../search/probe.ts';
import type { Question } from '../search/question.ts';
import type { Job } from './job.ts';
import { openInMemory } from './open-in-memory.ts';
import type { Part, Referee } from './referee.ts';

/** Answers what-if questions about a model's weights with one session, whose inputs they are. */
export interface Assessor extends Pick<Question, 'drop' | 'error' | 'around'> {
  close(): Promise<void>;
}

/**
 * @param layers  those that questions will be about
 * @param rounded  those whose activations a choice may round
 */
export async function openAssessor(
  job: Job,
  referee: Referee,
  numbers: Numbers,
  model: Model,
  layers: readonly Layer[],
  rounded: ReadonlySet<WeightId>,
): Promise<Assessor> {
  const probe = probeOf(model, layers, rounded);
  const session = await openProbe(job, referee, probe);
  const held = new Map<string, unknown>();
  const hold = async (input: string, what: unknown, value: () => Promise<Value> | Value) => {
    if (held.get(input) === what) return;
    job.asked.signal?.throwIfAborted();
    await session.hold({ [input]: await value() });
    held.set(input, what);
  };
  const put = async (chosen: ReadonlyMap<WeightId, Option>) => {
    for (const [id, input] of probe.inputs) {
      const weight = chosen.get(id)?.weight ?? model.weights.get(id);
      if (weight) await hold(input, weight, () => floatsOf(weight, job.kernels));
    }
    for (const [id, input] of probe.switches) {
      const isRounded = roundsActivations(chosen.get(id));
      await hold(input, isRounded, () => ({ dtype: 'bool', shape: [], data: Uint8Array.of(isRounded ? 1 : 0) }));
    }
  };
  const measure = async (
    chosen: ReadonlyMap<WeightId, Option>,
    part: Part,
    judge: 'judge' | 'compare',
    value: (report: QualityReport) => number,
  ) => {
    await put(chosen);
    return value(await referee[judge](session, part));
  };
  const error = (chosen: ReadonlyMap<WeightId, Option>, part: Part) =>
    numbers.recall(`error ${part} ${nameOf(chosen)}`, () => measure(chosen, part, 'compare', distanceOf));

  return {
    drop: (chosen) => {
      const each = byWeight(chosen);
      return numbers.recall(`drop ${nameOf(each)}`, () => measure(each, 'choose', 'judge', ({ drop }) => drop));
    },
    error: (chosen) => error(byWeight(chosen), 'choose'),
    around: async (base) => {
      const each = byWeight(base);
      return {
        error: await error(each, 'rank'),
        with: (option) => error(new Map(each).set(option.layer.weight.id, option), 'rank'),
      };
    },
    close: () => session.close(),
  };
}

/** Whether the runtime rounds a layer's activations to multiply them: with 8-bit weights that stay small, it does. */
export function roundsActivations(option: Option | undefined): boolean {
  if (!option?.step || option.weight.layout.kind !== 'affine') return false;
  return option.execution === 'dynamic' || (option.execution === 'weight-only' && option.weight.layout.numeric.bits === 8);
}

async function openProbe(job: Job, referee: Referee, { model, inputs, switches }: Probe) {
  const session = await openInMemory(job, referee.engine, model);
  // A user's own measure feeds the model's inputs; those that weights became are held.
  const held = new Set([...inputs.values(), ...switches.values()]);
  return { ...session, inputs: session.inputs.filter(({ name }) => !held.has(name)) };
}

function byWeight(chosen: readonly Option[]): Map<WeightId, Option> {
  return new Map(chosen.map((option) => [option.layer.weight.id, option]));
}

/** Of a set of choices: layers that stay as they are need not be told. */
function nameOf(chosen: ReadonlyMap<WeightId, Option>): string {
  return [...chosen.values()]
    .flatMap((option) => (option.step ? [keyOf(option)] : []))
    .sort()
    .join('\n');
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

function distanceOf({ outputs }: QualityReport): number {
  return Math.max(0, ...outputs.filter(({ kind }) => kind !== 'state').map(distance));
}

/** Nats for classes, lost share of the variance for values: both fall smoothly to 0, and small independent errors add up in both. */
function distance({ kind, value, divergence }: OutputQuality): number {
  return kind === 'classes' && divergence !== undefined ? divergence : 1 - value;
}
