import { decode } from '../decode.ts';
import type { Graph, Node, WeightId } from '../graph.ts';
import { readSmall } from '../graph-edit/scope.ts';
import type { Context } from '../method.ts';
import type { Model } from '../model.ts';
import { ofValue, type Range } from '../observation.ts';
import { upgradeOpset } from '../opset/upgrade-opset.ts';
import { globOf } from '../rules.ts';
import { fitRange, type RangeFit } from './fit-range.ts';
import { type CodeType, type Grid, gridOver } from './grids.ts';
import { type IntegerPlan, planIntegers } from './plan.ts';

/** DequantizeLinear has a scale for each output from here on. */
const LEAST_OPSET = 13;

export interface IntegersAsked {
  readonly ranges: RangeFit;
  readonly percentile: number;
  readonly activations: CodeType;
  /** Operators and nodes that stay between floats. */
  readonly keep: readonly string[];
  readonly attention: boolean;
}

export type WithGraph = Model & { readonly graph: Graph };

/** A model, in an operator set that knows codes, and what of it computes with integers. */
export interface Integers {
  readonly model: WithGraph;
  readonly plan: IntegerPlan;
  /** Of a value of the plan; runs the model when it is first asked. */
  gridOf(value: string): Promise<Grid>;
}

export function hasGraph(model: Model): model is WithGraph {
  return model.graph !== undefined;
}

/** The values that something has to be seen of. Reads no weight. */
export function integerValues(model: WithGraph, asked: IntegersAsked, scope: ReadonlySet<WeightId>): ReadonlySet<string> {
  return planOf(model, asked, scope).values;
}

/** @throws FILE_UNSUPPORTED where the model's operator set is old, and an operator cannot be carried over */
export async function openIntegers(
  model: WithGraph,
  asked: IntegersAsked,
  scope: ReadonlySet<WeightId>,
  observed: Context['observed'],
): Promise<Integers> {
  const seen = integerValues(model, asked, scope);
  const upgraded = (model.graph.opsets.get('') ?? 0) < LEAST_OPSET ? await upgradeOpset(model, LEAST_OPSET) : model;
  const whole = hasGraph(upgraded) ? upgraded : model;
  const limits = await limitsOf(whole);
  const plan = planOf(whole, asked, scope, { limits, seen });
  const grids = new Map<string, Promise<Grid>>();
  const find = async (value: string): Promise<Grid> => {
    const { min, max } = fitRange(await observed(ofValue(value, 'histogram')), asked.ranges, asked.percentile);
    const activation = [...plan.absorbed.values()].find(({ outputs }) => outputs[0] === value);
    const limit = activation && limits.get(activation);
    return gridOver(limit ? { min: Math.max(min, limit.min), max: Math.min(max, limit.max) } : { min, max }, asked.activations);
  };
  return {
    model: whole,
    plan,
    gridOf(value) {
      const grid = grids.get(value) ?? find(value);
      grids.set(value, grid);
      return grid;
    },
  };
}

function planOf(model: WithGraph, { keep, attention }: IntegersAsked, scope: ReadonlySet<WeightId>, known: object = {}): IntegerPlan {
  const names = new Set(keep);
  const patterns = keep.filter((name) => name.includes('*')).map(globOf);
  const isKept = (name: string) => names.has(name) || patterns.some((pattern) => pattern.test(name));
  return planIntegers(model, { scope, keep: isKept, attention, ...known });
}

/** Of every Clip and Relu of the root graph whose limits are known. */
async function limitsOf({ graph, weights }: WithGraph): Promise<Map<Node, Range | undefined>> {
  const limits = new Map<Node, Range | undefined>();
  const numberAt = async (name: string | undefined, otherwise: number) => {
    if (!name) return otherwise;
    const tensor = await readSmall(weights.get(graph.initializers.get(name) ?? ''));
    return tensor ? (decode(tensor)[0] ?? Number.NaN) : Number.NaN;
  };
  for (const node of graph.nodes) {
    if (node.op === 'Relu') limits.set(node, { min: 0, max: Number.POSITIVE_INFINITY });
    if (node.op !== 'Clip') continue;
    const [, low, high] = node.inputs;
    limits.set(node, { min: await numberAt(low, Number.NEGATIVE_INFINITY), max: await numberAt(high, Number.POSITIVE_INFINITY) });
  }
  return limits;
}
