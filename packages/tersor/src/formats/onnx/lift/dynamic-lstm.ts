import type { Node } from '../../../core/graph.ts';
import { affine, layoutOf } from './affine.ts';
import { asScales, integersIn } from './constants.ts';
import { zerosIn } from './dynamic.ts';
import type { Sight } from './sight.ts';
import type { Affine } from './term.ts';

/** A weight of an LSTM, as a use of it. */
interface RecurrentUse {
  readonly kind: 'recurrent';
  readonly weight: Affine;
  readonly term: Affine;
  readonly parts: readonly string[];
  readonly by: '';
  readonly bias: '';
}

/**
 * Both weights `[directions, gates, inputs]` of a DynamicQuantizeLSTM, or undefined unless each gate of each unit has a scale.
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DynamicQuantizeLSTM
 */
export async function recurrentWeights(node: Node, sight: Sight): Promise<RecurrentUse[] | undefined> {
  if (node.op !== 'DynamicQuantizeLSTM' || node.domain !== 'com.microsoft') return undefined;
  const [input, recurrent] = [await weightAt(node, [1, 8, 9], sight), await weightAt(node, [2, 10, 11], sight)];
  return input && recurrent && input.parts[0] !== recurrent.parts[0] ? [input, recurrent] : undefined;
}

async function weightAt(
  node: Node,
  places: readonly [number, number, number],
  { operand, constants }: Sight,
): Promise<RecurrentUse | undefined> {
  const [stored, factors, zero] = places.map(operand);
  const scales = factors && asScales(factors);
  if (stored?.kind !== 'constant' || !scales || scales.spread) return undefined;
  const codes = integersIn(stored);
  const found = await zerosIn(node.inputs[places[2]], zero, stored, constants);
  const zeros = found?.term && integersIn(found.term);
  const [directions = 0, inputs = 0, gates = 0] = stored.shape;
  const fits = (shape: readonly number[]) => shape.join() === [directions, gates].join();
  if (!codes || !found || stored.shape.length !== 3 || !fits(scales.shape) || (zeros && !fits(zeros.shape))) return undefined;
  const weight = affine({
    kind: 'affine',
    node,
    from: [codes, scales, ...found.from],
    shape: [directions, gates, inputs],
    dtype: 'f32',
    layout: layoutOf(codes, zeros, scales, [0, 1], 'row'),
    codes,
    ...(zeros && { zeros }),
    scales,
    codesLie: { shape: stored.shape, outputs: [0, 2] },
    scalesLie: { shape: scales.shape, outputs: [0, 1] },
  });
  return weight && { kind: 'recurrent', weight, term: weight, parts: places.map((place) => node.inputs[place] ?? ''), by: '', bias: '' };
}
