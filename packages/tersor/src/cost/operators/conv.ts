import { intAttribute } from '../../core/graph.ts';
import { count, elements, type Operator } from '../value.ts';
import { arithmeticOf, type Count, products } from './work.ts';

/** Every output element is a product over the window and the input channels of its group: the weight is `[outputs, inputs / group, ...window]`. */
export const conv: Count = (operator) => convolution(operator, 1);

/** QLinearConv, whose weight comes fourth. */
export const quantizedConv: Count = (operator) => convolution(operator, 3);

/** Every input element is multiplied with the whole window: the weight is `[inputs, outputs / group, ...window]`. */
export const transposedConv: Count = (operator) => {
  const [x, weight] = operator.inputs;
  return products('conv', count(elements(x), ...(weight?.shape?.slice(1) ?? [undefined])), arithmeticOf(x?.dtype));
};

function convolution({ node, inputs, outputs }: Operator, at: number) {
  const shape = inputs[at]?.shape;
  const macs = count(elements(outputs[0]), ...(shape?.slice(1) ?? [undefined]));
  const isDepthwise = intAttribute(node, 'group', 1) > 1 && shape?.[1] === 1;
  return products(isDepthwise ? 'depthwise' : 'conv', macs, arithmeticOf(inputs[0]?.dtype));
}
