import { openJob } from '../../packages/tersor/src/compress/job.ts';
import { layOut } from '../../packages/tersor/src/compress/lay-out.ts';
import { openReferee } from '../../packages/tersor/src/compress/referee.ts';
import type { Asked } from '../../packages/tersor/src/core/asked.ts';
import { decode } from '../../packages/tersor/src/core/decode.ts';
import type { Feeds, Session } from '../../packages/tersor/src/core/engine.ts';
import { findLayers } from '../../packages/tersor/src/core/find-layers.ts';
import type { WeightId } from '../../packages/tersor/src/core/graph.ts';
import type { Model, Weight } from '../../packages/tersor/src/core/model.ts';
import { type Random, randomFor } from '../../packages/tersor/src/core/random.ts';
import type { Step } from '../../packages/tersor/src/core/recipe.ts';
import { openJudge } from '../../packages/tersor/src/evaluate/judge.ts';
import { outputKinds } from '../../packages/tersor/src/evaluate/output-kinds.ts';
import { onnx } from '../../packages/tersor/src/formats/onnx/onnx.ts';
import { openMemory } from '../../packages/tersor/src/io/memory-store.ts';
import { menuFor } from '../../packages/tersor/src/search/menu.ts';
import { probeOf } from '../../packages/tersor/src/search/probe.ts';

const RECIPES = 200;
/** How far a random recipe's weights may be from ours in bytes. */
const NEAR = 0.01;
/** Exchanges that are tried from one start. */
const PATIENCE = 10_000;

/** How a recipe stands among random ones of its size. */
export interface Standing {
  /** Of the layers' weights, bytes. */
  readonly bytes: number;
  readonly recipes: number;
  /** How many random recipes lose less. */
  readonly better: number;
  /** Loss of each: nats for classes, lost share of the variance for values; of the worst output. */
  readonly ours: number;
  readonly best: number;
  readonly median: number;
}

/** What a layer's weight can become. */
interface Choice {
  readonly weight: Weight;
  readonly bytes: number;
}

/**
 * A recipe beside random ones: each gives every layer some step of the search's menu, by lot, so that all weights together take as many bytes, to a
 * hundredth. All are judged by one session whose inputs are the weights, decoded, on the same samples.
 * @param asked  what the recipe was chosen by
 * @param samples  that it was not chosen by
 */
export async function standAmongRandom(path: string, asked: Asked, recipe: readonly Step[], samples: readonly Feeds[]): Promise<Standing> {
  const job = await openJob(path, asked);
  const referee = await openReferee(job);
  const { engine } = referee;
  try {
    const { cleaned, options } = await layOut(job, menuFor({ evidence: 'data', target: job.target }));
    const choices = new Map(options.map((row) => [row[0]!.layer.weight.id, row.map(remembered)]));
    const ours = await weightsAfter(await job.apply(job.input.model, recipe, true), choices);
    const bytes = sum(ours.values());
    const judge = await openWeightsJudge(cleaned, samples);
    const loss = await judge(new Map([...ours].map(([id, { weight }]) => [id, weight])));
    const losses: number[] = [];
    for (let number = 0; number < RECIPES; number++) {
      const random = atRandom(choices, bytes, randomFor(number, 'random recipe'));
      losses.push(await judge(new Map([...random].map(([id, { weight }]) => [id, weight]))));
    }
    losses.sort((a, b) => a - b);
    const better = losses.filter((each) => each < loss).length;
    return { bytes, recipes: losses.length, better, ours: loss, best: losses[0]!, median: losses[losses.length >> 1]! };
  } finally {
    await referee.close();
    await job.close();
  }

  async function openWeightsJudge(cleaned: Model, feeds: readonly Feeds[]) {
    const probe = probeOf(cleaned, await findLayers(cleaned));
    const session = await engine.open({ bytes: await bytesOf(probe.model) });
    const kinds = outputKinds(session.outputs, { graph: cleaned.graph });
    const held = new Map<WeightId, Weight>();
    const hold = async (weights: ReadonlyMap<WeightId, Weight>) => {
      for (const [id, input] of probe.inputs) {
        const weight = weights.get(id) ?? cleaned.weights.get(id);
        if (!weight || held.get(id) === weight) continue;
        await session.hold({ [input]: { dtype: 'f32', shape: weight.shape, data: decode(await weight.load()) } });
        held.set(id, weight);
      }
    };
    await hold(new Map());
    const originals = await runAll(session, feeds);
    return async (weights: ReadonlyMap<WeightId, Weight>) => {
      await hold(weights);
      const outputs = await runAll(session, feeds);
      const verdict = openJudge(kinds);
      for (const [i, found] of outputs.entries()) verdict.add(i, originals[i]!, found, feeds[i]!);
      const judged = verdict.report({ evidence: 'data', source: path });
      return Math.max(...judged.outputs.map(({ divergence, value }) => divergence ?? 1 - value));
    };
  }

  async function bytesOf(model: Model): Promise<Uint8Array> {
    const memory = openMemory();
    await onnx.write(model, memory, 'probe.onnx', { target: 'node', kernels: job.kernels });
    await memory.commit();
    const source = await memory.open('probe.onnx');
    return source.read(0, source.size);
  }
}

async function runAll(session: Session, samples: readonly Feeds[]): Promise<Feeds[]> {
  const outputs: Feeds[] = [];
  for (const feeds of samples) outputs.push(await session.run(feeds));
  return outputs;
}

async function weightsAfter(model: Model, choices: ReadonlyMap<WeightId, unknown>): Promise<Map<WeightId, Choice>> {
  const { weights } = await onnx.size(model, 'node');
  return new Map(
    [...choices.keys()].map((id) => {
      const [weight, bytes] = [model.weights.get(id), weights.get(id)];
      if (!weight || bytes === undefined) throw new Error(`${id} is no weight of the result`);
      return [id, { weight, bytes }];
    }),
  );
}

/** Some choice for each layer; then others for some of them, as long as that brings the sum nearer to `bytes`. */
function atRandom(choices: ReadonlyMap<WeightId, readonly Choice[]>, bytes: number, random: Random): Map<WeightId, Choice> {
  const some = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const rows = [...choices];
  let chosen = new Map(rows.map(([id, row]) => [id, some(row)]));
  let total = sum(chosen.values());
  for (let tries = 1; Math.abs(total - bytes) > NEAR * bytes; tries++) {
    if (tries % PATIENCE === 0) {
      chosen = new Map(rows.map(([id, row]) => [id, some(row)]));
      total = sum(chosen.values());
    }
    const [id, row] = some(rows);
    const other = some(row);
    const changed = total - chosen.get(id)!.bytes + other.bytes;
    if (Math.abs(changed - bytes) >= Math.abs(total - bytes)) continue;
    chosen.set(id, other);
    total = changed;
  }
  return chosen;
}

function sum(chosen: Iterable<Choice>): number {
  return [...chosen].reduce((total, { bytes }) => total + bytes, 0);
}

/** With a weight that is computed once, however often it is asked for. */
function remembered({ weight, bytes }: Choice): Choice {
  let loaded: ReturnType<Weight['load']> | undefined;
  return {
    bytes,
    weight: {
      ...weight,
      load() {
        loaded ??= weight.load();
        return loaded;
      },
    },
  };
}
