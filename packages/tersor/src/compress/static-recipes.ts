import type { Budget } from '../core/asked.ts';
import { findLayers } from '../core/find-layers.ts';
import { makeNode, type Node } from '../core/graph.ts';
import { freshName } from '../core/graph-edit/names.ts';
import { type Model, withGraph } from '../core/model.ts';
import { ofValue } from '../core/observation.ts';
import type { Step } from '../core/recipe.ts';
import { computed, type Grid } from '../core/static-int8/grids.ts';
import {
  hasGraph,
  type Integers,
  type IntegersAsked,
  integerValues,
  openIntegers,
  type WithGraph,
} from '../core/static-int8/open-integers.ts';
import { operandsOf } from '../core/static-int8/operators.ts';
import { takenNames } from '../core/taken-names.ts';
import { costOf } from '../cost/cost-of.ts';
import type { Numbers } from '../io/node-numbers.ts';
import type { Scratch } from '../io/node-scratch.ts';
import { distanceOf } from './assessor.ts';
import { openWritten } from './attempt.ts';
import type { Job } from './job.ts';
import { CLEAN } from './lay-out.ts';
import { openTemporarily } from './open-temporarily.ts';
import type { Referee } from './referee.ts';

/** What is measured of the whole model, to go on with the best: weights of 7 bits are for processors that cut sums of products of 8. */
const WAYS: readonly Omit<Step, 'use'>[] = [{}, { ranges: 'percentile' }, { ranges: 'minmax' }, { range: 'reduced' }];
/** How many more values are left to floats when a recipe does not hold on other inputs. */
const MORE = 1.5;
const MOST_PROPOSALS = 3;
/** What a byte that an operator writes takes, in multiplications. */
const WORK_PER_BYTE = 8;
/** By how much a latency that is measured in a hurry may be off. */
const HURRY = 1.1;

/** Of weights that stay between floats: 8 bits lose more of EfficientNet-Lite0 than leaving their layers out wins. */
const REST: Step = { use: 'fp16', compute: 'float' };
/** What the method's options are while values are put in order. */
const ASKED: IntegersAsked = { ranges: 'mse', percentile: 99.99, activations: 'u8', keep: [], attention: false };

/**
 * Recipes that compute with codes of 8 bits wherever the model bears it, for convolutions are quick with codes only in a row, which no choice layer by layer finds.
 * All of it is measured first, with ranges found in several ways. Then each value is rounded alone in the original, and those that lose most for what they gain
 * become floats again, with the operators that make or read them, as few as it takes to keep the drop that is allowed. The next recipes are more careful. Where none is as quick
 * as asked with that drop, the most careful one that is as quick stands for what is possible.
 * None where codes can compute no convolution, for products alone are as quick with `dynamic-int8`; nor what is slower than asked.
 */
export async function* staticRecipes(
  job: Job,
  referee: Referee,
  scratch: Scratch,
  numbers: Numbers,
  { drop: maxDrop = Number.POSITIVE_INFINITY, latency: maxLatency = Number.POSITIVE_INFINITY }: Budget,
): AsyncGenerator<Step[]> {
  const prepared = await job.apply(job.input.model, [CLEAN, { use: 'fold-batchnorm' }], true);
  if (!job.runner || !hasGraph(prepared)) return;
  const scope = new Set((await findLayers(prepared)).map(({ weight }) => weight.id));
  const seen = await job.runner.observe(
    prepared,
    [...integerValues(prepared, ASKED, scope)].map((name) => ofValue(name, 'histogram')),
  );
  const integers = await openIntegers(prepared, ASKED, scope, (observation) => seen.get(observation));
  if (![...integers.plan.kinds.values()].includes('convolution')) return;

  const measured = async (steps: readonly Step[], what: 'drop' | 'error' | 'latency') =>
    numbers.recall(`static ${what} ${JSON.stringify(steps)}`, async () => {
      const session = await openWritten(job, referee, scratch, steps);
      try {
        if (what === 'latency') return (await referee.raceQuickly(session)).ratio;
        const report = await referee.judge(session, 'choose');
        return what === 'drop' ? report.drop : distanceOf(report);
      } finally {
        await session.close();
      }
    });
  let [best, least]: [Omit<Step, 'use'>, number] = [{}, Number.POSITIVE_INFINITY];
  for (const [index, way] of WAYS.entries()) {
    job.progress('choose', index, WAYS.length, 'static-int8');
    const error = await measured(recipe(way, []), 'error');
    if (error < least) [best, least] = [way, error];
  }
  const isQuick = async (steps: readonly Step[]) =>
    maxLatency === Number.POSITIVE_INFINITY || (await measured(steps, 'latency')) <= maxLatency * HURRY;
  const whole = recipe(best, []);
  if (!(await isQuick(whole))) return;
  if ((await measured(whole, 'drop')) <= maxDrop) yield whole;

  const order = await inOrder(job, referee, numbers, integers);
  const leaving = (count: number) =>
    recipe(
      best,
      order.slice(0, count).flatMap(({ nodes }) => nodes),
    );
  const holds = async (count: number) =>
    count >= order.length || job.asked.enough?.aborted || (await measured(leaving(count), 'drop')) <= maxDrop;
  let [low, high] = [0, 1];
  while (!(await holds(high))) [low, high] = [high, high * 2];
  high = Math.min(high, order.length);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await holds(middle)) high = middle;
    else low = middle;
  }
  if (high >= order.length || !(await isQuick(leaving(high)))) {
    yield leaving(await largest(high, (count) => isQuick(leaving(count))));
    return;
  }
  for (let proposal = 0; proposal < MOST_PROPOSALS && high < order.length; proposal++) {
    const steps = leaving(high);
    if (!(await isQuick(steps))) return;
    yield steps;
    high = Math.ceil(high * MORE);
  }
}

/** The largest count below `most` that is one of those: 0 is. */
async function largest(most: number, isOne: (count: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [0, most];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await isOne(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function recipe(way: Omit<Step, 'use'>, left: readonly Node[]): Step[] {
  const keep = [...new Set(left.map(({ outputs }) => outputs[0] ?? ''))];
  return [CLEAN, { use: 'static-int8', ...way, ...(keep.length > 0 && { keep }) }, REST];
}

/** A value, and the operators that compute with floats, too, once it is one. */
interface Left {
  readonly value: string;
  readonly nodes: readonly Node[];
}

/** Values of the plan: first those whose codes lose most for the work that they speed up beside the values before them. */
async function inOrder(job: Job, referee: Referee, numbers: Numbers, integers: Integers): Promise<Left[]> {
  const losses = await lossesOf(job, referee, numbers, integers);
  const work = await workOf(integers.model, referee);
  // a small operator between floats costs more than its work: codes are made and read around it
  const least = [...work.values()].reduce((sum, each) => sum + each, 0) / work.size;
  const waiting = new Map([...losses.keys()].map((value) => [value, around(integers, value)]));
  const taken = new Set<Node>();
  const order: Left[] = [];
  while (waiting.size > 0) {
    const price = (nodes: readonly Node[]) =>
      nodes.reduce((sum, node) => sum + (taken.has(node) ? 0 : least + (work.get(node) ?? 0)), least);
    const worth = ([value, nodes]: [string, readonly Node[]]) => (losses.get(value) ?? 0) / price(nodes);
    const [value, nodes] = [...waiting].reduce((a, b) => (worth(b) > worth(a) ? b : a));
    waiting.delete(value);
    for (const node of nodes) taken.add(node);
    order.push({ value, nodes });
  }
  return order;
}

/** What rounding each value alone loses. */
async function lossesOf(job: Job, referee: Referee, numbers: Numbers, { model, plan, gridOf }: Integers): Promise<Map<string, number>> {
  const { input, target, kernels, asked } = job;
  const surroundings = { format: input.format, target, kernels, ...(asked.signal && { signal: asked.signal }) };
  const losses = new Map<string, number>();
  for (const value of plan.values) {
    job.progress('choose', losses.size, plan.values.size, value);
    if (asked.enough?.aborted) break;
    const loss = await numbers.recall(`static rounded ${value}`, async () => {
      const { session, close } = await openTemporarily(referee.engine, withRounded(model, value, await gridOf(value)), surroundings);
      try {
        return distanceOf(await referee.compare(session, 'rank'));
      } finally {
        await close();
      }
    });
    losses.set(value, loss);
  }
  return losses;
}

/** Of every operator, in multiplications. */
async function workOf(model: WithGraph, { shapes: [feeds] }: Referee): Promise<Map<Node, number>> {
  const shapes = new Map(Object.entries(feeds ?? {}).map(([name, { shape }]) => [name, shape]));
  const { operators } = await costOf(model, { shapes });
  const work = new Map(operators.map(({ name, macs, writtenBytes }) => [name, macs + WORK_PER_BYTE * writtenBytes]));
  return new Map(model.graph.nodes.map((node) => [node, work.get(node.name || (node.outputs[0] ?? '')) ?? 0]));
}

/** The model in which whoever reads a value of the root graph gets what its codes stand for. */
function withRounded(model: WithGraph, value: string, { scale, zero }: Grid): Model {
  const { graph, weights } = model;
  const taken = takenNames(graph);
  const [codes = '', float = '', steps = '', middle = ''] = ['codes', 'rounded', 'scale', 'zero'].map((part) =>
    freshName(taken, `${value}_${part}`),
  );
  const added = [
    makeNode('QuantizeLinear', [value, steps, middle], [codes]),
    makeNode('DequantizeLinear', [codes, steps, middle], [float]),
  ];
  const nodes = graph.nodes.flatMap((node) => {
    const reading = { ...node, inputs: node.inputs.map((name) => (name === value ? float : name)) };
    return node.outputs.includes(value) ? [reading, ...added] : [reading];
  });
  const isInput = graph.inputs.some(({ name }) => name === value);
  const parts = [computed(steps, 'f32', [], () => Float32Array.of(scale)), computed(middle, 'u8', [], () => Uint8Array.of(zero))];
  return withGraph(
    model,
    {
      ...graph,
      nodes: isInput ? [...added, ...nodes] : nodes,
      initializers: new Map([...graph.initializers, ...parts.map(({ id }) => [id, id] as const)]),
    },
    new Map([...weights, ...parts.map((part) => [part.id, part] as const)]),
  );
}

/** The nodes that make or read a value as codes. */
function around({ plan }: Integers, value: string): Node[] {
  return [...plan.kinds].flatMap(([node, kind]) => {
    if (kind === 'moving') return [];
    const operands = operandsOf(node, kind).map((index) => plan.rootOf(node.inputs[index] ?? ''));
    return plan.outputOf(node) === value || operands.includes(value) ? [node] : [];
  });
}
