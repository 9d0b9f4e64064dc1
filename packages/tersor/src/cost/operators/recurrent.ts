import { intAttribute, stringAttribute } from '../../core/graph.ts';
import { count } from '../value.ts';
import { arithmeticOf, type Count } from './work.ts';

const GATES: Readonly<Record<string, number>> = { LSTM: 4, DynamicQuantizeLSTM: 4, GRU: 3, RNN: 1 };

/** Per step, gate and direction: the input `[inputs]` and the state `[hidden]` times a matrix each, and a few operations on the state. */
export const recurrent: Count = ({ node, inputs: [x] }) => {
  const hidden = intAttribute(node, 'hidden_size', 0) || undefined;
  const directions = stringAttribute(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const width = x?.shape?.at(-1);
  const states = count(x?.shape?.[0], x?.shape?.[1], directions, GATES[node.op], hidden);
  const arithmetic = node.op === 'DynamicQuantizeLSTM' ? 'i8' : arithmeticOf(x?.dtype);
  const reach = width === undefined || hidden === undefined ? undefined : width + hidden;
  return { family: 'recurrent', arithmetic, macs: count(states, reach), operations: states };
};
