import type { OperatorFamily } from '../core/cost.ts';
import type { Node } from '../core/graph.ts';
import { workOf } from './operators/work-of.ts';
import type { Operator, Program } from './value.ts';

const PRODUCTS: readonly OperatorFamily[] = ['linear', 'conv', 'depthwise'];

/** What runtimes apply to a product's result while they have it at hand. */
const ACTIVATIONS = new Set(['Relu', 'LeakyRelu', 'Clip', 'Sigmoid', 'Tanh', 'HardSigmoid']);

/** Runtimes fuse an addition and an activation, or what turns integers back into floats; not more. */
const LONGEST = 4;

/**
 * Operators that onnxruntime computes along with the product before them: BatchNormalization, biases and residual additions, activations,
 * and the scaling of integer products. Their results are never written to memory of their own.
 */
export function fusedIn({ operators, outputs }: Program): ReadonlySet<Operator> {
  const uses = new Map<string, number>(outputs.map((name) => [name, 2]));
  for (const { node, bodies } of operators) {
    for (const name of node.inputs) uses.set(name, (uses.get(name) ?? 0) + 1);
    for (const { program } of bodies) for (const name of program.captured) uses.set(name, (uses.get(name) ?? 0) + 2);
  }
  /** Results that a product's kernel still holds, with that product and how much it does already. */
  const open = new Map<string, { readonly head: Operator; readonly length: number }>();
  const fused = new Set<Operator>();
  for (const operator of operators) {
    const { node } = operator;
    const [result] = node.outputs;
    if (result === undefined) continue;
    if (PRODUCTS.includes(workOf(operator).family)) open.set(result, { head: operator, length: 0 });
    const [from] = node.inputs.filter((name) => open.has(name));
    const before = from === undefined ? undefined : open.get(from);
    if (!before || from === undefined || uses.get(from) !== 1 || before.length >= LONGEST || !joins(operator, from, before.head)) continue;
    fused.add(operator);
    open.set(result, { head: before.head, length: before.length + 1 });
  }
  return fused;
}

function joins({ node, inputs }: Operator, from: string, head: Operator): boolean {
  if (node.domain !== '') return false;
  const { family, arithmetic } = workOf(head);
  const others = inputs.filter((input) => input && input.name !== from);
  const isConstant = others.every((input) => input?.constant);
  if (arithmetic === 'i8' && isScaling(node)) return true;
  if (family === 'linear') return node.op === 'Add' && isConstant;
  if (ACTIVATIONS.has(node.op)) return isConstant;
  return node.op === 'BatchNormalization' ? isConstant : node.op === 'Add';
}

function isScaling({ op }: Node): boolean {
  return op === 'Cast' || op === 'Mul' || op === 'Add';
}
