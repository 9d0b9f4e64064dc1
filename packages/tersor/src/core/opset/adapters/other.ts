import { intAttribute, type Node, stringAttribute } from '../../graph.ts';
import { type Adapters, type Edit, refusal, withAttributes, withOneOutput } from '../adapter.ts';
import { elementType } from '../element-types.ts';

const GRID_MODES: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

/** Renamed operators and modes, defaults that changed, and versions that cannot say what older ones said. */
export const OTHER: Adapters = {
  Scatter: { 11: (node) => [{ ...node, op: 'ScatterElements' }] },
  Dropout: { 10: keepInference, 12: (node, edit) => keepInference(withAttributes(node, ['ratio']), edit) },
  RoiAlign: { 16: (node) => [withAttributes(node, [], { coordinate_transformation_mode: 'output_half_pixel' })] },
  GridSample: { 20: renameMode },
  AveragePool: { 19: refusePartialWindows },
  Scan: {
    9: (node) => {
      throw refusal(node, 'Scan before opset 9 goes over a batch, which newer versions do not');
    },
  },
  Erf: { 13: refuseIntegers },
  Cast: { 24: refuseUnsignedZero },
  Attention: { 24: refuseInnerOutput },
};

/** Without `training_mode` Dropout does nothing, as it did; only its mask changed its type and its values. */
function keepInference(node: Node, edit: Edit): readonly Node[] {
  return [withOneOutput(node, edit, 'its mask is read, and newer versions give another one')];
}

function renameMode(node: Node): readonly Node[] {
  const mode = stringAttribute(node, 'mode', 'bilinear');
  return [node.attributes.has('mode') ? withAttributes(node, [], { mode: GRID_MODES[mode] ?? mode }) : node];
}

function refusePartialWindows(node: Node): readonly Node[] {
  if (intAttribute(node, 'ceil_mode', 0) === 0 || intAttribute(node, 'count_include_pad', 0) === 0) return [node];
  throw refusal(node, 'with ceil_mode and count_include_pad newer versions divide the last windows by another number');
}

function refuseIntegers(node: Node, edit: Edit): readonly Node[] {
  const type = edit.typeOf(node.inputs[0] ?? '');
  if (type === undefined || /^(f|bf)/.test(type)) return [node];
  throw refusal(node, `newer versions do not take ${type}`);
}

function refuseUnsignedZero(node: Node): readonly Node[] {
  const type = elementType(intAttribute(node, 'to', 0));
  if (type !== 'f8e4m3uz' && type !== 'f8e5m2uz') return [node];
  throw refusal(node, `from opset 24 on infinities become other values of ${type}`);
}

function refuseInnerOutput(node: Node, edit: Edit): readonly Node[] {
  const inner = node.outputs[3] ?? '';
  if (inner === '' || !edit.isRead(inner) || intAttribute(node, 'qk_matmul_output_mode', 0) === 0) return [node];
  throw refusal(node, 'from opset 24 on its fourth output is taken at another point');
}
