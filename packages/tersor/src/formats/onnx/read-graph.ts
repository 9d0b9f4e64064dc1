import type { Attribute, Graph, Node, ValueInfo, WeightId } from '../../core/graph.ts';
import { branchPath } from '../../core/graph.ts';
import { ATTRIBUTE, ATTRIBUTE_TYPE, GRAPH, NODE } from './proto/schema.ts';
import { concatenate, corrupt, fieldsOf, payloadOf, text, textOrUndefined } from './proto/wire.ts';
import { type RawAttribute, readAttribute, takeApart } from './read-attribute.ts';
import { readValue } from './read-value.ts';
import type { Reading } from './reading.ts';
import { declarePlain, declareSparse, declareTensor } from './weight.ts';

/**
 * Reads a GraphProto and the graphs inside it. Constant nodes become initializers of the graph that declares them.
 * @param path of this graph, as in `branchPath`
 */
export async function readGraph(message: Uint8Array, reading: Reading, opsets: Graph['opsets'], path = ''): Promise<Graph> {
  const where = `${reading.name}${path && `, ${path}`}`;
  const nodes: Node[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const values = new Map<string, ValueInfo>();
  const initializers = new Map<string, WeightId>();
  const constants = new Set<string>();
  const extra: Uint8Array[] = [];
  let [name, doc]: [string, string | undefined] = ['', undefined];
  for (const field of fieldsOf(message, where)) {
    if (VALUES.has(field.number)) reading.count('value');
    switch (field.number) {
      case GRAPH.node: {
        const read = await readNode(payloadOf(field, where), reading, opsets, path);
        if ('op' in read) nodes.push(read);
        else if (initializers.has(read.constant) && constants.has(read.constant))
          throw corrupt(where, `"${read.constant}" is declared twice`);
        else {
          constants.add(read.constant);
          initializers.set(read.constant, read.weight);
        }
        break;
      }
      case GRAPH.initializer:
        initializers.set(...(await declareTensor(payloadOf(field, where), reading, path)));
        break;
      case GRAPH.sparse:
        initializers.set(...(await declareSparse(payloadOf(field, where), reading, path)));
        break;
      case GRAPH.input:
        inputs.push(readValue(payloadOf(field, where), where));
        break;
      case GRAPH.output:
        outputs.push(readValue(payloadOf(field, where), where));
        break;
      case GRAPH.value: {
        const value = readValue(payloadOf(field, where), where);
        values.set(value.name, value);
        break;
      }
      case GRAPH.name:
        name = text(field, where);
        break;
      default: {
        const readable = field.number === GRAPH.doc ? textOrUndefined(field.payload) : undefined;
        if (readable === undefined) extra.push(field.encoded);
        else doc = readable;
      }
    }
  }
  const fed = inputs.find((value) => constants.has(value.name));
  if (fed) throw corrupt(where, `"${fed.name}" is an input and a constant`);
  return {
    name,
    nodes,
    inputs,
    outputs,
    values,
    initializers,
    opsets,
    ...(doc !== undefined && { doc }),
    ...(extra.length > 0 && { extra: concatenate(extra) }),
  };
}

const VALUES: ReadonlySet<number> = new Set([GRAPH.input, GRAPH.output, GRAPH.value]);

interface Constant {
  readonly constant: string;
  readonly weight: WeightId;
}

async function readNode(message: Uint8Array, reading: Reading, opsets: Graph['opsets'], path: string): Promise<Node | Constant> {
  reading.count('node');
  const where = `${reading.name}${path && `, ${path}`}`;
  const inputs: string[] = [];
  const outputs: string[] = [];
  const apart: RawAttribute[] = [];
  const extra: Uint8Array[] = [];
  let [name, op, domain] = ['', '', ''];
  for (const field of fieldsOf(message, where)) {
    if (field.number === NODE.input) inputs.push(text(field, where));
    else if (field.number === NODE.output) outputs.push(text(field, where));
    else if (field.number === NODE.name) name = text(field, where);
    else if (field.number === NODE.op) op = text(field, where);
    else if (field.number === NODE.domain) domain = domainOf(text(field, where));
    else if (field.number === NODE.attribute) {
      reading.count('attribute');
      apart.push(takeApart(payloadOf(field, where), where));
    } else extra.push(field.encoded);
  }
  if (op === '') throw corrupt(where, `node "${name || (outputs[0] ?? '')}" has no operator`);
  const about = `${where}, node "${name || (outputs[0] ?? '')}" (${op})`;
  const [only] = apart;
  if (op === 'Constant' && domain === '' && only && apart.length === 1 && outputs.length === 1) {
    const declared = await readConstant(only, reading, path, outputs[0] ?? '', about);
    if (declared) return { constant: declared[0], weight: declared[1] };
  }
  const attributes = new Map<string, Attribute>();
  const graphs = new Map<string, Graph>();
  const node: Node = { name, op, domain, inputs, outputs, attributes, graphs, ...(extra.length > 0 && { extra: concatenate(extra) }) };
  for (const raw of apart) {
    if (attributes.has(raw.name) || graphs.has(raw.name)) throw corrupt(about, `attribute "${raw.name}" is there twice`);
    if (raw.type === ATTRIBUTE_TYPE.graph && raw.message) {
      graphs.set(raw.name, await readGraph(raw.message, reading, opsets, branchPath(path, node, raw.name)));
    } else attributes.set(raw.name, await readAttribute(raw, reading, about));
  }
  return node;
}

/** `ai.onnx` and the empty domain are the same. */
export function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

async function readConstant(raw: RawAttribute, reading: Reading, path: string, name: string, where: string) {
  if (name === '' || raw.fields.some(({ number }) => number === ATTRIBUTE.reference)) return undefined;
  if (raw.name === 'value' && raw.type === ATTRIBUTE_TYPE.tensor && raw.message) return declareTensor(raw.message, reading, path, name);
  if (raw.name === 'sparse_value' && raw.type === ATTRIBUTE_TYPE.sparse && raw.message)
    return declareSparse(raw.message, reading, path, name);
  return declarePlain(raw.name, await readAttribute(raw, reading, where), reading, path, name);
}
