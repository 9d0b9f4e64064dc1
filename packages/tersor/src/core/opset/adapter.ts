import type { DType } from '../dtype.ts';
import { TersorError } from '../error.ts';
import type { Attribute, Node } from '../graph.ts';
import { attributes } from '../graph.ts';
import type { ValueType } from './element-types.ts';

/**
 * Carries a node over one version of its operator: the nodes that compute the same from there on. What it adds is in the terms of that
 * version, too, and is carried on like the rest.
 * @throws FILE_UNSUPPORTED when the node means something that the version cannot say
 */
export type Adapter = (node: Node, edit: Edit) => readonly Node[] | Promise<readonly Node[]>;

/** Adapters by operator and version. */
export type Adapters = Readonly<Record<string, Readonly<Record<number, Adapter>>>>;

/** What an adapter may know and do besides the node. */
export interface Edit {
  /** A small constant in the graph of the node; the same one for the same values. */
  constant(dtype: DType, shape: readonly number[], values: readonly number[]): string;
  /** A name that nothing has. */
  fresh(base: string): string;
  typeOf(name: string): ValueType | undefined;
  rankOf(name: string): number | undefined;
  /** The numbers of a small constant; undefined when it is none. */
  valuesOf(name: string): Promise<readonly number[] | undefined>;
  /** Whether anything reads the value. */
  isRead(name: string): boolean;
}

/** The error of a node that cannot be carried over. */
export function refusal(node: Node, what: string): TersorError {
  const where = `${node.op} "${node.name || (node.outputs[0] ?? '')}"`;
  return new TersorError('FILE_UNSUPPORTED', where, what, 'leave the model at its opset, or export it again with the newer one');
}

/** The node with some attributes removed and others set. */
export function withAttributes(node: Node, remove: readonly string[], set: Parameters<typeof attributes>[0] = {}): Node {
  const kept = [...node.attributes].filter(([name]) => !remove.includes(name));
  return { ...node, attributes: new Map<string, Attribute>([...kept, ...attributes(set)]) };
}

/** The node with inputs put at positions; left-out ones in between become `''`. */
export function withInputs(node: Node, inputs: Readonly<Record<number, string>>): Node {
  const all = [...node.inputs];
  for (const [position, name] of Object.entries(inputs)) {
    while (all.length < Number(position)) all.push('');
    all[Number(position)] = name;
  }
  return { ...node, inputs: all };
}

/** The node with its first output only. @throws FILE_UNSUPPORTED when another one is read */
export function withOneOutput(node: Node, edit: Edit, why: string): Node {
  if (node.outputs.slice(1).some((name) => name !== '' && edit.isRead(name))) throw refusal(node, why);
  return { ...node, outputs: node.outputs.slice(0, 1) };
}
