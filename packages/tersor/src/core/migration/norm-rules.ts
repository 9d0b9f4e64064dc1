import { intAttribute } from '../graph.ts';
import { constantAlong } from './constant-rules.ts';
import { alongOneAxis, type Lanes } from './lanes.ts';
import type { Port, Rule } from './port.ts';

/** Where operators take what they multiply channels by, and what they add to them. */
export const NORM_RULES: Readonly<Record<string, Rule>> = {
  LayerNormalization: (port) => normalized(port, -1, [1, 2]),
  RMSNormalization: (port) => normalized(port, -1, [1]),
  SimplifiedLayerNormalization: (port) => normalized(port, -1, [1]),
  'com.microsoft:SkipLayerNormalization': (port) => normalized(port, -1, [2, 3]),
  'com.microsoft:SkipSimplifiedLayerNormalization': (port) => normalized(port, -1, [2]),
  InstanceNormalization: (port) => normalized(port, 1, [1, 2]),
  GroupNormalization: (port) => normalized(port, 1, [1, 2]),
  BatchNormalization: batchNormalization,
};

/** Its own factor and shift of each channel take factors of what comes out; what goes in must stay as it is. */
function normalized(port: Port, axis: number, inputs: readonly number[]): string | undefined {
  const { node, survey } = port;
  if (port.mixed) return normalizedMix(port);
  const lanes = port.lanesOf(node.outputs[0] ?? '');
  if (!lanes || node.outputs.slice(1).some((name) => port.lanesOf(name)) || node.inputs.some((name) => port.lanesOf(name)))
    return 'it is normalized by all channels together';
  const rank = survey.sizes(node.outputs[0] ?? '')?.length;
  const isLast = axis === 1 || rank === undefined || [-1, rank - 1].includes(intAttribute(node, 'axis', -1));
  if (rank === undefined || !isLast) return 'it is normalized along several axes';
  return scaled(port, lanes, axis < 0 ? axis + rank : axis, inputs, -1);
}

/** What is divided by the root of its mean square stays mixed as it is, where no factors of its own follow. */
function normalizedMix(port: Port): string | undefined {
  const { node, survey } = port;
  const [input = '', gamma = ''] = node.inputs;
  const [output = ''] = node.outputs;
  if (!survey.isOne(gamma)) return `${node.op} multiplies channels by different factors`;
  const lanes = port.lanesOf(input) ?? port.lanesOf(output);
  if (!lanes || lanes.axes.join() !== `${(survey.sizes(input)?.length ?? 0) - 1}`) return 'its channels are along another axis';
  port.give(input, lanes);
  port.give(output, lanes);
  return undefined;
}

function scaled(port: Port, lanes: Lanes, axis: number, inputs: readonly number[], power: 1 | -1): string | undefined {
  const narrow = port.narrow(lanes, [axis]);
  if (typeof narrow === 'string') return narrow;
  if (narrow.axes.length !== 1) return 'its channels are along another axis';
  for (const input of inputs) {
    const refusal = port.node.inputs[input] ? constantAlong(port, input, alongOneAxis(0, narrow.ids), power) : undefined;
    if (refusal) return refusal;
  }
  return undefined;
}

/** y = g (x - m) / √v + b: on the way in g and m take factors, on the way out g and b. */
function batchNormalization(port: Port): string | undefined {
  const { node } = port;
  if (intAttribute(node, 'training_mode', 0) !== 0 || node.outputs.slice(1).some((name) => name !== '')) return 'it is being trained';
  const [before, after] = [port.lanesOf(node.inputs[0] ?? ''), port.lanesOf(node.outputs[0] ?? '')];
  const taken = before && (scaled(port, before, 1, [1], 1) ?? scaled(port, before, 1, [3], -1));
  return taken ?? (after && scaled(port, after, 1, [1, 2], -1));
}
