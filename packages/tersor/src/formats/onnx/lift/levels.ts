import { elementsOf, type Shape } from '../../../core/dtype.ts';
import type { Node } from '../../../core/graph.ts';
import { toMatrix } from '../../../core/matrix.ts';
import type { LevelsTensor } from '../../../core/tensor.ts';
import { loadFloats } from './load-codes.ts';
import { type Constant, isSingle, type Levels, type Origin, padded, type Steps, type Term, type Whole } from './term.ts';

/** Two to the power of a quarter of integers. */
export async function stepsIn(node: Node, base: Term, quarters: Term): Promise<Steps | undefined> {
  if (base.kind !== 'constant' || base.weight.dtype !== 'f32' || !isSingle(base) || quarters.kind !== 'affine') return undefined;
  const { codes, scales, zeros } = quarters;
  const [stored] = codes.from;
  if (stored?.kind !== 'constant' || stored.weight.dtype !== 'i8' || zeros || !isSingle(scales)) return undefined;
  const [[two], [quarter]] = [await loadFloats(base.weight), await scales.load()];
  return two === 2 && quarter === 0.25 ? { kind: 'steps', node, from: [base, quarters], stored } : undefined;
}

/** Levels times a step of each output, or of each input. */
export function steppedLevels(levels: Levels, steps: Steps, origin: Origin): Whole | undefined {
  const { shape } = levels.stored;
  const lengths = padded(steps.stored.shape, shape.length);
  if (!lengths || !broadcasts(lengths, shape) || elementsOf(shape) === 0) return undefined;
  const outputs = axesOf(shape).filter((axis) => lengths[axis] !== 1);
  const layout = { kind: 'levels', outputs, inputSteps: false } as const;
  const load = async (): Promise<LevelsTensor> => ({
    kind: 'levels',
    shape,
    layout,
    levels: toMatrix(await int16sOf(levels.stored), shape, outputs),
    outputSteps: await int8sOf(steps.stored),
  });
  return { ...origin, kind: 'whole', shape, dtype: 'f32', layout, load };
}

/** With a step of each input, too: of all axes that are no outputs. */
export function steppedInputs(weight: Whole, steps: Steps, origin: Origin): Whole | undefined {
  const { shape, layout } = weight;
  const lengths = padded(steps.stored.shape, shape.length);
  if (layout.kind !== 'levels' || layout.inputSteps || !lengths) return undefined;
  if (lengths.some((length, axis) => length !== (layout.outputs.includes(axis) ? 1 : shape[axis]))) return undefined;
  const more = { ...layout, inputSteps: true };
  const load = async (): Promise<LevelsTensor> => {
    const tensor = await weight.load();
    if (tensor.kind !== 'levels') throw new TypeError('levels load as levels');
    return { ...tensor, layout: more, inputSteps: await int8sOf(steps.stored) };
  };
  return { ...weight, ...origin, layout: more, load };
}

function broadcasts(lengths: Shape, shape: Shape): boolean {
  return lengths.every((length, axis) => length === 1 || length === shape[axis]);
}

function axesOf(shape: Shape): number[] {
  return shape.map((_, axis) => axis);
}

async function int16sOf({ weight }: Constant): Promise<Int16Array> {
  const tensor = await weight.load();
  if (tensor.kind !== 'dense') throw new TypeError('levels are plain integers');
  const { buffer, byteOffset, byteLength } = tensor.bytes.slice();
  return new Int16Array(buffer, byteOffset, byteLength / 2);
}

async function int8sOf({ weight }: Constant): Promise<Int8Array> {
  const tensor = await weight.load();
  if (tensor.kind !== 'dense') throw new TypeError('steps are plain integers');
  return new Int8Array(tensor.bytes.slice().buffer);
}
