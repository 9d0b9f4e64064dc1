import { type Node, stringAttribute } from '../../graph.ts';
import { type Adapters, type Edit, refusal, withAttributes, withInputs } from '../adapter.ts';

/** Upsample became Resize, and Resize learned to say what it had always meant. */
export const RESIZE: Adapters = {
  Upsample: { 9: scalesToInput, 10: (node) => [{ ...node, op: 'Resize' }] },
  Resize: { 11: sayCoordinates, 13: leaveOutEmpty, 18: leaveOutEmpty },
};

function scalesToInput(node: Node, edit: Edit): readonly Node[] {
  const attribute = node.attributes.get('scales');
  if (attribute?.kind !== 'floats') throw refusal(node, 'it has no scales');
  return [withInputs(withAttributes(node, ['scales']), { 1: edit.constant('f32', [attribute.value.length], attribute.value) })];
}

/** Before opset 11 positions are `x / scale`, and the nearest one lies below when enlarging, above when reducing. */
async function sayCoordinates(node: Node, edit: Edit): Promise<readonly Node[]> {
  const [x = '', scales = ''] = node.inputs;
  const said = withAttributes(node, [], { coordinate_transformation_mode: 'asymmetric' });
  const moved = { ...said, inputs: [x, edit.constant('f32', [0], []), scales] };
  if (stringAttribute(node, 'mode', 'nearest') !== 'nearest') return [moved];
  const values = await edit.valuesOf(scales);
  if (!values) throw refusal(node, 'its scales are computed while it runs, and the meaning of "nearest" depends on them');
  const reduces = values.some((scale) => scale < 1);
  if (reduces && values.some((scale) => scale > 1)) throw refusal(node, 'it enlarges and reduces at once, which rounds both ways');
  return [withAttributes(moved, [], { nearest_mode: reduces ? 'ceil' : 'floor' })];
}

/** From opset 13 on what is not given has no name, where it was an empty tensor; one coordinate mode is gone. */
async function leaveOutEmpty(node: Node, edit: Edit): Promise<readonly Node[]> {
  const inputs = await Promise.all(node.inputs.map(async (name) => ((await isEmpty(name, edit)) ? '' : name)));
  const short = inputs.slice(0, inputs.findLastIndex((name) => name !== '') + 1);
  const lean: Node = { ...node, inputs: short };
  if (stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel') !== 'tf_half_pixel_for_nn') return [lean];
  if (stringAttribute(node, 'mode', 'nearest') !== 'nearest' || stringAttribute(node, 'nearest_mode', 'round_prefer_floor') !== 'floor') {
    throw refusal(node, 'coordinate mode tf_half_pixel_for_nn ends at opset 13 and can only be said otherwise for the nearest lower pixel');
  }
  return [withAttributes(lean, [], { coordinate_transformation_mode: 'half_pixel', nearest_mode: 'round_prefer_ceil' })];
}

async function isEmpty(name: string, edit: Edit): Promise<boolean> {
  return name !== '' && (await edit.valuesOf(name))?.length === 0;
}
