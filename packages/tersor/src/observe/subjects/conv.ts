import { elementsOf } from '../../core/dtype.ts';
import { intAttribute, intsAttribute, makeNode, type Node } from '../../core/graph.ts';
import type { DenseTensor } from '../../core/tensor.ts';
import type { Matrix } from '../matrix.ts';
import type { Place } from '../place.ts';
import { asFloats, type Seeing, type Working } from '../sight.ts';

/** What says where the kernel goes. */
const GEOMETRY = ['auto_pad', 'dilations', 'pads', 'strides', 'output_padding', 'output_shape'];

/**
 * What a convolution multiplies its weight by, im2col: the patch under the kernel at every position of the output, zeros of the padding included. The
 * same convolution makes it, of every channel on its own with kernels that pick one element each, so that whatever places the kernel holds for it, too.
 */
export function convInput(working: Working): Seeing {
  const { node, shape, layer } = working;
  const isTransposed = node.op === 'ConvTranspose';
  if (!['Conv', 'FusedConv', 'ConvTranspose'].includes(node.op)) return `${node.op} takes its patches from where it likes`;
  const name = node.inputs[0] ?? '';
  const group = intAttribute(node, 'group', 1);
  const kernel = shape.slice(2);
  const taps = elementsOf(kernel);
  const channels = isTransposed ? (shape[0] ?? 1) : (shape[1] ?? 1) * group;
  // of a transposed convolution of several groups every pair of channels is a row of the layer's matrix
  const groups = isTransposed && group > 1 ? channels : isTransposed ? 1 : group;
  const columns = (channels * taps) / groups;
  const order = columnOrder(working, isTransposed ? (group > 1 ? [] : [0]) : [1]);
  const look = (place: Place) => ({
    value: name,
    matrix: (): Matrix => {
      const value = asFloats(place, name);
      const patches = isPointwise(node, taps) ? value : patchesOf(place, node, value, channels, kernel, isTransposed);
      const split = place.reshape(patches, [0, groups, columns, -1]);
      const together = place.add('Transpose', [split], { perm: [1, 2, 0, 3] });
      return { name: place.reshape(together, [groups, columns, -1]), columnsFirst: true };
    },
  });
  const key = JSON.stringify([
    name,
    node.op,
    groups,
    columns,
    kernel,
    GEOMETRY.map((attribute) => String(node.attributes.get(attribute)?.value ?? '')),
  ]);
  return columns === layer.inputs
    ? { key, groups, columns, look, ...(order && { order }) }
    : `has ${columns} inputs where the weight has ${layer.inputs}`;
}

/** Patches of a single element, one after the other, are the value itself. */
function isPointwise(node: Node, taps: number): boolean {
  const all = (attribute: string, value: number) => (intsAttribute(node, attribute) ?? []).every((each) => each === value);
  return taps === 1 && all('strides', 1) && all('pads', 0) && all('output_padding', 0) && !node.attributes.has('output_shape');
}

/** `[batch, channels * taps, ...positions]`. */
function patchesOf(place: Place, node: Node, value: string, channels: number, kernel: readonly number[], isTransposed: boolean): string {
  const taps = elementsOf(kernel);
  const shape = isTransposed ? [channels, taps, ...kernel] : [channels * taps, 1, ...kernel];
  const picks = place.constant(oneHot(shape, taps));
  return place.node((name) => {
    const plain = makeNode(isTransposed ? 'ConvTranspose' : 'Conv', [value, picks], [name], { group: channels, kernel_shape: kernel });
    const geometry = [...node.attributes].filter(([attribute]) => GEOMETRY.includes(attribute));
    return { ...plain, attributes: new Map([...geometry, ...plain.attributes]) };
  });
}

/** Kernels of `taps` elements, the first of which picks the first element, and so on, over and over. */
function oneHot(shape: readonly number[], taps: number): DenseTensor {
  const values = new Float32Array(elementsOf(shape));
  for (let i = 0; i < values.length; i += taps) values[i + ((i / taps) % taps)] = 1;
  return { kind: 'dense', dtype: 'f32', shape, bytes: new Uint8Array(values.buffer) };
}

/**
 * The operator's columns run over the channel, if that is an input, and the kernel, in its own order of axes; the layer's over the weight's.
 * @returns undefined where they are the same
 */
function columnOrder({ shape, axes, use }: Working, channel: readonly number[]): number[] | undefined {
  const seen = [...channel, ...shape.flatMap((_, axis) => (axis >= 2 ? [axis] : []))];
  const own = seen.map((axis) => axes[axis] ?? axis);
  if (use.direct || own.every((axis, i) => i === 0 || axis > (own[i - 1] ?? 0))) return undefined;
  const sizes = seen.map((axis) => shape[axis] ?? 1);
  const strides = sizes.map((_, i) => elementsOf(sizes.slice(i + 1)));
  const ranked = own.map((axis, i) => ({ axis, size: sizes[i] ?? 1, stride: strides[i] ?? 1 })).sort((a, b) => a.axis - b.axis);
  return ranked.reduce<number[]>(
    (before, { size, stride }) => before.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * stride)),
    [0],
  );
}
