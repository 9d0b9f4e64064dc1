import type { Graph, Node } from '../graph.ts';
import { CONTRIB } from './contrib.ts';
import { OPERATORS, type Version } from './operators.gen.ts';

/** One input or output of an operator: a fixed element type, a type variable, or something that is not a tensor. */
export interface Formal {
  readonly kind: 'fixed' | 'variable' | 'other';
  readonly type: string;
  /** `same`: repeats with one type; `each`: every repetition has a type of its own. */
  readonly repeat?: 'same' | 'each';
}

/** The types an operator takes and makes at one opset. */
export interface Signature {
  readonly inputs: readonly Formal[];
  readonly outputs: readonly Formal[];
  /** Variables that may be 32-bit floats, and what else they may be. */
  readonly floats: ReadonlyMap<string, { readonly half: boolean; readonly bfloat: boolean }>;
}

/** An input or output of a node with the variable it is bound to; repetitions with types of their own get a variable each. */
export interface Slot {
  readonly name: string;
  /** Which of the node's inputs or outputs. */
  readonly index: number;
  readonly formal: Formal;
  readonly variable: string;
}

/** The signature of a node's operator at the graph's opsets; undefined for operators nobody has told us about. */
export function signatureOf(node: Node, opsets: Graph['opsets']): Signature | undefined {
  const text = isStandard(node) ? versionAt(node.op, opsets.get(node.domain) ?? 0)?.[1] : CONTRIB[node.domain]?.[node.op];
  return text === undefined ? undefined : parse(text);
}

/** The version of a standard operator that is in force at `opset`; undefined when it does not exist there or was before opset 7. */
function versionAt(op: string, opset: number): Version | undefined {
  if (!Object.hasOwn(OPERATORS, op)) return undefined;
  return OPERATORS[op]?.findLast(([since]) => since <= opset);
}

/** Both names of the standard operators' domain are in use. */
export function isStandard({ domain }: Node): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** The named inputs or outputs of a node beside what its signature says of them. Left-out ones are skipped. */
export function slots(names: readonly string[], formals: readonly Formal[]): Slot[] {
  return names.flatMap((name, index) => {
    const formal = formals[Math.min(index, formals.length - 1)];
    if (name === '' || !formal || (index >= formals.length && !formal.repeat)) return [];
    return [{ name, index, formal, variable: formal.repeat === 'each' ? `${formal.type}#${index}` : formal.type }];
  });
}

function parse(text: string): Signature {
  const [types = '>', ...variables] = text.split(' ');
  const [inputs = '', outputs = ''] = types.split('>');
  const floats = variables.map((variable): [string, { half: boolean; bfloat: boolean }] => {
    const [name = '', flags = ''] = variable.split('=');
    return [name, { half: flags.includes('h'), bfloat: flags.includes('b') }];
  });
  return { inputs: formals(inputs), outputs: formals(outputs), floats: new Map(floats) };
}

function formals(text: string): Formal[] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const type = part.replace(/[*~]$/, '');
    const kind = type === '!' ? 'other' : /^[a-z]/.test(type) ? 'fixed' : 'variable';
    return { kind, type, ...(part.endsWith('*') && { repeat: 'same' as const }), ...(part.endsWith('~') && { repeat: 'each' as const }) };
  });
}
