import { intAttribute, stringAttribute } from '../../core/graph.ts';
import type { Place } from '../place.ts';
import { asFloats, type Seeing, type Working } from '../sight.ts';

/** Where operators take their first state. */
const INITIAL_STATE = 5;
/** Past the end of every axis. */
const END = 2 ** 31 - 1;

/**
 * What a recurrent operator multiplies its weights by: inputs, or the states before each step, of each direction. Where a GRU resets states before they
 * are multiplied (linear_before_reset = 0), a third of its rows see less than this says.
 */
export function recurrentInput({ node, use, layer }: Working): Seeing {
  const columns = layer.inputs;
  const name = node.inputs[0] ?? '';
  if (use.input === 1) {
    const look = (place: Place) => ({
      value: name,
      matrix: () => ({ name: place.reshape(asFloats(place, name), [1, -1, columns]), columnsFirst: false }),
    });
    return { key: `${name} ${columns}`, groups: 1, columns, look };
  }
  const direction = stringAttribute(node, 'direction', 'forward');
  const directions = direction === 'bidirectional' ? 2 : 1;
  const look = (place: Place) => {
    const output = node.outputs[0] || place.outputOf(node, 0);
    const value = statesBefore(place, output, node.inputs[INITIAL_STATE] ?? '', intAttribute(node, 'layout', 0) === 1, direction);
    const matrix = () => {
      const turned = place.add('Transpose', [value], { perm: [1, 0, 2, 3] });
      return { name: place.reshape(turned, [directions, -1, columns]), columnsFirst: false };
    };
    return { value, matrix };
  };
  return { key: `${node.op} ${node.name} ${node.outputs.join()} states`, groups: directions, columns, look };
}

/** `[steps, directions, batch, hidden]`. @param initial  the state before the first step, zeros where it has no name */
function statesBefore(place: Place, states: string, initial: string, isBatchFirst: boolean, direction: string): string {
  const turned = (value: string, perm: readonly number[]) => (isBatchFirst ? place.add('Transpose', [value], { perm }) : value);
  const after = turned(asFloats(place, states), [1, 2, 0, 3]);
  const first = initial === '' ? zeros(place, after) : place.unsqueeze(turned(asFloats(place, initial), [1, 0, 2]), [0]);
  const forward = (value: string, start: string) => place.add('Concat', [start, place.slice(value, 0, -1, 0)], { axis: 0 });
  const backward = (value: string, start: string) => place.add('Concat', [place.slice(value, 1, END, 0), start], { axis: 0 });
  if (direction === 'forward') return forward(after, first);
  if (direction === 'reverse') return backward(after, first);
  const only = (value: string, index: number) => place.slice(value, index, index + 1, 1);
  return place.add('Concat', [forward(only(after, 0), only(first, 0)), backward(only(after, 1), only(first, 1))], { axis: 1 });
}

/** In the shape of a single step. */
function zeros(place: Place, states: string): string {
  return place.add('ConstantOfShape', [place.add('Shape', [place.slice(states, 0, 1, 0)])]);
}
