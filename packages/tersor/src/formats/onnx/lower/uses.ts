import { floatAttribute, intAttribute, type Node } from '../../../core/graph.ts';
import type { Use } from '../../../core/layers.ts';
import type { AffineLayout } from '../../../core/layout.ts';

/** The operator reads the weight or its transpose, and means the layout's rows by outputs. */
export function readsRows({ axes, outputAxes }: Use, { outputs }: AffineLayout): boolean {
  return axes?.length === 2 && outputAxes.length === 1 && outputAxes[0] === outputs[0];
}

/** Activations times the weight, with nothing that quantized products lack. */
export function isProduct({ node, input, kind }: Use): boolean {
  if (kind !== 'linear' || input !== 1) return false;
  if (node.op === 'MatMul') return true;
  if (node.op !== 'Gemm' && node.op !== 'FusedMatMul') return false;
  return intAttribute(node, 'transA', 0) === 0 && floatAttribute(node, 'alpha', 1) === 1 && floatAttribute(node, 'beta', 1) === 1;
}

/** The last operator goes by the name of the one it replaces. */
export function named(nodes: Node[], { name }: Node): Node[] {
  return nodes.map((node, i) => (i === nodes.length - 1 ? { ...node, name } : node));
}
