import { TersorError } from '../core/error.ts';
import { type Graph, intAttribute, type Node, type ValueInfo } from '../core/graph.ts';
import { nearest } from '../core/nearest.ts';
import type { OutputQuality } from '../core/report.ts';
import type { StateLink } from '../core/state-links.ts';

/** What an output means, and how that is known. */
export interface OutputKind {
  readonly kind: OutputQuality['kind'];
  /** Where the classes lie; negative counts from the end. */
  readonly axis: number;
  readonly because: string;
}

export interface KindOptions {
  readonly graph?: Graph | undefined;
  readonly links?: readonly StateLink[];
  /** As the user says. */
  readonly overrides?: Readonly<Record<string, OutputQuality['kind']>>;
}

/** Operators behind which scores are still the same scores. */
const PASSES = new Set(['Identity', 'Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Transpose', 'Slice']);

/** Of these, the ones that keep every axis in its place. */
const KEEPS_AXES = new Set(['Identity', 'Cast']);

const MAX_STEPS = 16;

const IS_SCORES = /(^|[^a-z])(logits?|probs?|probabilit(y|ies)|softmax|scores?_?cls|class_scores)([^a-z]|$)/i;

/**
 * The kind of every output. @throws USAGE when an override names no output
 */
export function outputKinds(
  outputs: readonly ValueInfo[],
  { graph, links = [], overrides = {} }: KindOptions = {},
): Map<string, OutputKind> {
  for (const name of Object.keys(overrides)) {
    if (outputs.some((output) => output.name === name)) continue;
    const close = nearest(
      name,
      outputs.map((output) => output.name),
    );
    throw new TersorError(
      'USAGE',
      `output ${name}`,
      'the model has no such output',
      close ? `did you mean "${close}"?` : `it has ${outputs.map((output) => output.name).join(', ')}`,
    );
  }
  return new Map(outputs.map((output) => [output.name, kindOf(output, graph, links, overrides[output.name])]));
}

function kindOf(
  output: ValueInfo,
  graph: Graph | undefined,
  links: readonly StateLink[],
  said: OutputQuality['kind'] | undefined,
): OutputKind {
  const axis = softmaxAxis(output.name, graph) ?? classAxis(output);
  if (said) return { kind: said, axis, because: 'you said so' };
  const link = links.find((candidate) => candidate.output === output.name);
  if (link) return { kind: 'state', axis, because: `fed back into ${link.input}` };
  if (classes(output, axis) === 1) return { kind: 'value', axis: -1, because: 'one number a decision' };
  if (softmaxAxis(output.name, graph) !== undefined) return { kind: 'classes', axis, because: 'ends in Softmax' };
  if (IS_SCORES.test(output.name) && isFloat(output)) return { kind: 'classes', axis, because: 'by its name' };
  return { kind: 'value', axis: -1, because: 'numbers' };
}

function isFloat({ dtype }: ValueInfo): boolean {
  return dtype === undefined || dtype.startsWith('f') || dtype === 'bf16';
}

function classes({ shape }: ValueInfo, axis: number): number | undefined {
  const dim = shape?.at(axis);
  return typeof dim === 'number' ? dim : undefined;
}

/** Maps of scores are `[N, C, H, W]`; everything else has its classes last. */
function classAxis({ shape }: ValueInfo): number {
  return shape?.length === 4 ? 1 : -1;
}

/** The axis along which a Softmax makes the output; undefined when none does. */
function softmaxAxis(name: string, graph: Graph | undefined): number | undefined {
  if (!graph) return undefined;
  let at = name;
  let moved = false;
  for (let step = 0; step < MAX_STEPS; step++) {
    const node = graph.nodes.find(({ outputs }) => outputs.includes(at));
    if (node?.domain !== '') return undefined;
    if (node.op === 'Softmax' || node.op === 'LogSoftmax') return moved ? -1 : axisOf(node, graph);
    if (!PASSES.has(node.op)) return undefined;
    moved ||= !KEEPS_AXES.has(node.op);
    at = node.inputs[0] ?? '';
  }
  return undefined;
}

/** Before opset 13 an axis was where flattening began; exporters meant the last one of the flattened, which is the last. */
function axisOf(node: Node, graph: Graph): number {
  return (graph.opsets.get('') ?? 13) >= 13 ? intAttribute(node, 'axis', -1) : -1;
}
