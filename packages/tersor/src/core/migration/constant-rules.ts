import { elementsOf } from '../dtype.ts';
import { intsAttribute, type Node } from '../graph.ts';
import { type Lanes, renumbered } from './lanes.ts';
import type { Part, Port, Rule } from './port.ts';

/** Arithmetic of two operands, of which one may be a constant. */
export const CONSTANT_RULES: Readonly<Record<string, Rule>> = {
  Add: sum,
  Sub: sum,
  Sum: sum,
  Max: sum,
  Min: sum,
  Mul: scaling,
  Div: scaling,
  PRelu: slopes,
};

/** What channels are added to, or compared with, gets their factors, too. */
function sum(port: Port): string | undefined {
  const { node, survey } = port;
  const [output = ''] = node.outputs;
  const known = [...node.inputs, output].map((name) => aligned(port, name, output)).find((lanes) => lanes !== undefined);
  if (typeof known === 'string' || !known) return known;
  port.give(output, known);
  for (const [input, name] of node.inputs.entries()) {
    if (survey.number(name) === 0) continue;
    const refusal = survey.constant(name) ? constantPart(port, input, known, -1) : passTo(port, name, known);
    if (refusal) return refusal;
  }
  return undefined;
}

/** A constant takes factors of what it multiplies, on either side; of two values only one has them. */
function scaling(port: Port): string | undefined {
  const { node, survey } = port;
  const [output = ''] = node.outputs;
  const constant = node.inputs.findIndex((name) => survey.constant(name) !== undefined);
  if (constant >= 0) return scalingByConstant(port, constant);
  if (port.mixed && node.inputs[0] === node.inputs[1]) return squared(port);
  const [left, right] = node.inputs.map((name) => aligned(port, name, output));
  const after = port.lanesOf(output);
  if (typeof left === 'string' || typeof right === 'string') return typeof left === 'string' ? left : String(right);
  if (left && right) return `${node.op} multiplies it with itself`;
  if (right && node.op === 'Div') return 'it is divided by';
  const before = left ?? right;
  if (before && port.mixed && !isOneForAll(port, node.inputs[left ? 1 : 0] ?? '', before))
    return `${node.op} multiplies channels by different factors`;
  if (before) port.give(output, before);
  if (before || !after) return undefined;
  if (port.mixed) {
    const wide = [0, 1].filter((input) => !isOneForAll(port, node.inputs[input] ?? '', after));
    const [only = -1] = wide;
    if (wide.length !== 1 || (node.op === 'Div' && only !== 0)) return `${node.op} multiplies channels by different factors`;
    return passTo(port, node.inputs[only] ?? '', after);
  }
  const candidates = (node.op === 'Div' ? [0] : [0, 1]).filter((input) => isWide(port, node.inputs[input] ?? '', after));
  return candidates.length === 0 ? 'it is spread along its channels' : passTo(port, node.inputs[port.choose(candidates)] ?? '', after);
}

function scalingByConstant(port: Port, constant: number): string | undefined {
  const { node } = port;
  const [value = '', output = ''] = [node.inputs[1 - constant], node.outputs[0]];
  const [before, after] = [aligned(port, value, output), port.lanesOf(output)];
  if (typeof before === 'string') return before;
  const isDivisor = node.op === 'Div' && constant === 1;
  if (node.op === 'Div' && !isDivisor) return 'it is divided by';
  const lanes = before ?? after;
  if (!lanes) return undefined;
  const isOne = port.mixed && port.survey.isOne(node.inputs[constant] ?? '');
  if (isOne || !isWide(port, node.inputs[constant] ?? '', lanes)) {
    // one number for all channels lets factors pass
    if (before) port.give(output, before);
    return after ? passTo(port, value, after) : undefined;
  }
  if (port.mixed) return `${node.op} multiplies channels by different factors`;
  const taken = before && constantPart(port, constant, before, isDivisor ? -1 : 1);
  return taken ?? (after && constantPart(port, constant, after, isDivisor ? 1 : -1));
}

/** Whether an operand is the same for all channels. */
function isOneForAll(port: Port, name: string, lanes: Lanes): boolean {
  const sizes = port.survey.sizes(name);
  const shift = rankOf(port, name) - rankOf(port, port.node.outputs[0] ?? '');
  return sizes !== undefined && lanes.axes.every((axis) => axis + shift < 0 || sizes[axis + shift] === 1);
}

/** Squares of channels, of which only the sum over all is asked for. */
export function squared({ node, survey, lanesOf }: Port): string | undefined {
  const lanes = lanesOf(node.inputs[0] ?? '');
  const [output = ''] = node.outputs;
  const rank = survey.sizes(output)?.length;
  const isSummed = (reader: Node) => {
    const axes = reader.inputs[1] ? survey.integers(reader.inputs[1]) : intsAttribute(reader, 'axes');
    const given = axes?.map((axis) => (axis < 0 ? axis + (rank ?? 0) : axis));
    return ['ReduceMean', 'ReduceSum'].includes(reader.op) && given?.join() === lanes?.axes.join();
  };
  if (!lanes || lanesOf(output) || survey.fixed.has(output)) return 'its channels are multiplied with themselves';
  return survey.readers.get(output)?.every(isSummed) ? undefined : 'its channels are multiplied with themselves';
}

function slopes(port: Port): string | undefined {
  const { node, survey } = port;
  const [value = '', slope = ''] = node.inputs;
  const [output = ''] = node.outputs;
  if (!survey.constant(slope)) return 'its slopes are computed';
  for (const [from, to] of [
    [value, output],
    [output, value],
  ] as const) {
    const lanes = port.lanesOf(from);
    if (lanes) port.give(to, lanes);
  }
  return undefined;
}

/** The lanes of an operand along the axes of the result; a text where they do not lie in it. */
function aligned(port: Port, name: string, output: string): Lanes | string | undefined {
  const lanes = port.lanesOf(name);
  const [own, all] = [port.survey.sizes(name)?.length, port.survey.sizes(output)?.length];
  if (!lanes || name === output) return lanes;
  if (own === undefined || all === undefined) return 'how many axes it has is not known';
  return renumbered(lanes, (axis) => axis + all - own);
}

/** The other way: lanes of the result in an operand that has them. */
function passTo(port: Port, name: string, lanes: Lanes): string | undefined {
  if (!isWide(port, name, lanes)) return 'it is spread along its channels';
  const shift = rankOf(port, name) - rankOf(port, port.node.outputs[0] ?? '');
  port.give(
    name,
    renumbered(lanes, (axis) => axis + shift),
  );
  return undefined;
}

/** Whether a value has an element of its own for each channel of the result. What only a run can tell is taken to be so. */
function isWide(port: Port, name: string, lanes: Lanes): boolean {
  const sizes = port.survey.sizes(name);
  const shift = rankOf(port, name) - rankOf(port, port.node.outputs[0] ?? '');
  return (
    sizes !== undefined && lanes.axes.every((axis, i) => axis + shift >= 0 && (sizes[axis + shift] ?? lanes.sizes[i]) === lanes.sizes[i])
  );
}

function rankOf(port: Port, name: string): number {
  return port.survey.sizes(name)?.length ?? Number.NaN;
}

/** Notes that a constant operand takes factors. @returns why it does not */
function constantPart(port: Port, input: number, lanes: Lanes, power: Part['power']): string | undefined {
  const name = port.node.inputs[input] ?? '';
  const rank = rankOf(port, port.node.outputs[0] ?? '');
  return constantAlong(
    port,
    input,
    renumbered(lanes, (axis) => axis - rank + (port.survey.constant(name)?.shape.length ?? 0)),
    power,
  );
}

/** The same with lanes along the constant's own axes. */
export function constantAlong(port: Port, input: number, lanes: Lanes, power: Part['power']): string | undefined {
  const weight = port.survey.constant(port.node.inputs[input] ?? '');
  if (weight?.layout.kind !== 'dense' || !['f32', 'f16', 'f64'].includes(weight.dtype)) return 'is no float constant';
  if (!lanes.axes.every((axis, i) => axis >= 0 && weight.shape[axis] === lanes.sizes[i]))
    return elementsOf(weight.shape) === 1 ? 'one number for all channels is added to it' : 'a constant is spread along its channels';
  port.part({ weight: weight.id, input, axes: lanes.axes, ids: lanes.ids, power });
  return undefined;
}
