import { intAttribute, type Node } from '../../../core/graph.ts';
import { onnxType } from '../lower/builder.ts';
import { TRANSPOSED } from '../lower/codes-name.ts';
import { product } from './affine.ts';
import { asScales, integersIn } from './constants.ts';
import type { Sight } from './sight.ts';
import type { Affine, Constant, Factors, Quantized, Sums, Term } from './term.ts';

/** A product in integers, as a use of its weight. */
interface DynamicProduct {
  readonly kind: 'product';
  readonly weight: Affine;
  readonly term: Term;
  readonly parts: readonly string[];
  readonly by: string;
  readonly bias: string;
}

/** What DynamicQuantizeLinear makes of a value: its codes, their scale and zero point. */
export function quantizedValue(node: Node): Quantized[] {
  const [value = ''] = node.inputs;
  if (node.op !== 'DynamicQuantizeLinear' || !isStandard(node) || value === '') return [];
  return (['codes', 'scale', 'zero'] as const).map((role) => ({ kind: 'quantized', node, from: [], role, value }));
}

/** The parts of a product that is spelled in standard operators: `MatMulInteger`, `Cast` to floats, and the product of the two scales. */
export async function partOfProduct(node: Node, sight: Sight): Promise<Sums | Factors | undefined> {
  if (!isStandard(node)) return undefined;
  const [first, second] = [sight.operand(0), sight.operand(1)];
  switch (node.op) {
    case 'MatMulInteger':
      return sums(node, sight);
    case 'Cast':
      return first?.kind === 'sums' && intAttribute(node, 'to', 0) === onnxType('f32') ? { ...first, node, from: [first] } : undefined;
    case 'Mul':
      return first && second && (factors(node, first, second) ?? factors(node, second, first));
    default:
      return undefined;
  }
}

/** The operator that ends a product in integers, spelled out or in one of onnxruntime's own. */
export async function dynamicProduct(node: Node, sight: Sight): Promise<DynamicProduct | undefined> {
  const [first, second] = [sight.operand(0), sight.operand(1)];
  if (isStandard(node) && node.op === 'Mul') return ended(node, first, second) ?? ended(node, second, first);
  if (node.domain !== 'com.microsoft') return undefined;
  if (node.op === 'DynamicQuantizeMatMul') {
    const weight = await weightOf(second, node.inputs[3], sight.operand(3), sight.operand(2), sight);
    return weight && productOf(node, weight, weight.from, node.inputs[0], node.inputs[4]);
  }
  if (node.op !== 'MatMulIntegerToFloat') return undefined;
  const [scale, zero] = [sight.operand(2), sight.operand(4)];
  if (!isOf(first, 'codes') || !isOf(scale, 'scale') || !isOf(zero, 'zero') || first.node !== scale.node || first.node !== zero.node)
    return undefined;
  const weight = await weightOf(second, node.inputs[5], sight.operand(5), sight.operand(3), sight);
  return weight && productOf(node, weight, [...weight.from, first], first.value, node.inputs[6]);
}

async function sums(node: Node, { operand, constants }: Sight): Promise<Sums | undefined> {
  const [activations, stored, zero] = [operand(0), operand(1), operand(2)];
  if (!isOf(activations, 'codes') || !isOf(zero, 'zero') || activations.node !== zero.node || stored?.kind !== 'constant') return undefined;
  const zeros = await zerosIn(node.inputs[3], operand(3), stored, constants);
  return zeros && { kind: 'sums', node, from: [activations, stored, ...zeros.from], activations, stored, zeros: zeros.term };
}

function factors(node: Node, scale: Term, constant: Term): Factors | undefined {
  if (!isOf(scale, 'scale')) return undefined;
  const scales = asScales(constant);
  return scales && { kind: 'factors', node, from: [scale, scales], activations: scale, scales };
}

function ended(node: Node, first: Term | undefined, second: Term | undefined): DynamicProduct | undefined {
  if (first?.kind !== 'sums' || first.node?.op !== 'Cast' || second?.kind !== 'factors') return undefined;
  if (first.activations.node !== second.activations.node) return undefined;
  const weight = operandOf(first.stored, first.zeros, second.scales);
  return weight && productOf(node, weight, [first, second], first.activations.value);
}

function productOf(node: Node, weight: Affine, from: readonly Term[], by = '', bias = ''): DynamicProduct {
  const parts = node.inputs.filter((name) => name !== by && name !== bias);
  return { kind: 'product', weight, term: { ...weight, node, from }, parts, by, bias };
}

async function weightOf(
  stored: Term | undefined,
  zeroName: string | undefined,
  zero: Term | undefined,
  scale: Term | undefined,
  { constants }: Sight,
): Promise<Affine | undefined> {
  const scales = scale && asScales(scale);
  if (stored?.kind !== 'constant' || !scales) return undefined;
  const zeros = await zerosIn(zeroName, zero, stored, constants);
  const weight = zeros && operandOf(stored, zeros.term, scales);
  return weight && { ...weight, from: [stored, scales, ...zeros.from] };
}

/** Zero points, none where all are zero, undefined where they are no constants of the codes' type. */
export async function zerosIn(
  name: string | undefined,
  zero: Term | undefined,
  { weight: { dtype } }: Constant,
  { allZero }: Sight['constants'],
): Promise<{ readonly term: Constant | undefined; readonly from: readonly Term[] } | undefined> {
  if (!name) return { term: undefined, from: [] };
  if (zero?.kind !== 'constant' || zero.weight.dtype !== dtype) return undefined;
  return { term: dtype === 'i8' && (await allZero(zero.weight)) ? undefined : zero, from: [zero] };
}

/** The weight as `[outputs, inputs]`, stored as the product's operand `[inputs, outputs]`. */
function operandOf(stored: Constant, zero: Constant | undefined, scales: Term & { kind: 'scales' }): Affine | undefined {
  const codes = integersIn(stored);
  const zeros = zero && integersIn(zero);
  if (!codes || stored.shape.length !== 2 || (zero && !zeros)) return undefined;
  const weight = product(zeros ? { kind: 'shifted', from: [codes, zeros], codes, zeros } : codes, scales, { from: [codes, scales] });
  const outputs = weight?.layout.outputs.join();
  // one scale for all fits the operand alone, as it lies
  if (!weight || (outputs !== '1' && (outputs !== '' || stored.name.endsWith(TRANSPOSED)))) return undefined;
  return { ...weight, shape: weight.shape.toReversed(), layout: { ...weight.layout, outputs: outputs === '1' ? [0] : [] } };
}

function isOf(term: Term | undefined, role: Quantized['role']): term is Quantized {
  return term?.kind === 'quantized' && term.role === role;
}

function isStandard({ domain }: Node): boolean {
  return domain === '' || domain === 'ai.onnx';
}
