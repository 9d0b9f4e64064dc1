import { TersorError } from '../../../core/error.ts';
import type { Source } from '../../../core/source.ts';
import { MAX_DEPTH, MAX_HEADER_BYTES } from './limits.ts';
import { ATTRIBUTE, FUNCTION, GRAPH, MODEL, NODE, SPARSE, TENSOR, TRAINING } from './schema.ts';
import { corrupt, type Field, fieldAt, fieldsOf, varintAt } from './wire.ts';

/** Fields left in the file: where they are, and which they were. Never written to a file: protobuf's largest field number. */
const ELSEWHERE = 536_870_911;

/** Bytes of a file that were skipped. */
export interface Piece {
  /** `raw`: the values themselves; `fields`: encoded fields, tags included. */
  readonly kind: 'raw' | 'fields';
  readonly offset: number;
  readonly length: number;
}

export type MessageKind = 'model' | 'carried' | 'function' | 'training' | 'graph' | 'node' | 'attribute' | 'sparse' | 'tensor';

/** The messages that tensors can lie in; all others are small and copied. */
export const NESTED: Readonly<Record<MessageKind, ReadonlyMap<number, MessageKind>>> = {
  model: new Map([[MODEL.graph, 'graph']]),
  carried: new Map([
    [MODEL.functions, 'function'],
    [MODEL.training, 'training'],
  ]),
  function: new Map([[FUNCTION.node, 'node']]),
  training: new Map([
    [TRAINING.initialization, 'graph'],
    [TRAINING.algorithm, 'graph'],
  ]),
  graph: new Map([
    [GRAPH.node, 'node'],
    [GRAPH.initializer, 'tensor'],
    [GRAPH.sparse, 'sparse'],
  ]),
  node: new Map([[NODE.attribute, 'attribute']]),
  attribute: new Map([
    [ATTRIBUTE.tensor, 'tensor'],
    [ATTRIBUTE.graph, 'graph'],
    [ATTRIBUTE.sparse, 'sparse'],
  ]),
  sparse: new Map([
    [SPARSE.values, 'tensor'],
    [SPARSE.indices, 'tensor'],
  ]),
  tensor: new Map(),
};

/** The fields that hold weights, and those that are carried without being read. */
const SKIPPED: Readonly<Partial<Record<MessageKind, ReadonlySet<number>>>> = {
  model: new Set([MODEL.training, MODEL.functions]),
  tensor: new Set([TENSOR.floats, TENSOR.int32s, TENSOR.strings, TENSOR.int64s, TENSOR.raw, TENSOR.doubles, TENSOR.uint64s]),
};

/** Bytes read ahead; more than any tag and length take. */
const WINDOW = 64 * 1024;
const LONGEST_HEAD = 20;
/** A length written in this many bytes can be filled in later, and holds 2^35. */
const LENGTH_BYTES = 5;

/**
 * The model's encoding without its weights: every field that holds values is replaced by a note of where it lies in the file.
 * Reads the file once, front to back, without the skipped parts.
 * @throws FILE_CORRUPT when lengths contradict each other or the file's size, FILE_LIMIT when it nests too deep or its header is too large
 */
export async function skim(source: Source, kind: MessageKind = 'model', from = 0, to = source.size): Promise<Uint8Array> {
  const reader = windowOf(source);
  const header = growing(source.name);

  const skimMessage = async (kind: MessageKind, from: number, to: number, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH) throw new TersorError('FILE_LIMIT', source.name, `graphs nest deeper than ${MAX_DEPTH}`, 'no known model does');
    const skipped = SKIPPED[kind];
    let pending: { offset: number; end: number } | undefined;
    const flush = () => {
      if (pending) header.note({ kind: 'fields', offset: pending.offset, length: pending.end - pending.offset });
      pending = undefined;
    };
    for (let at = from; at < to; ) {
      if (!reader.holds(at)) await reader.fill(at);
      const field = reader.fieldAt(at);
      if (field.end > to) throw corrupt(source.name, `at byte ${at}: a field of ${field.end - at} bytes in a message with ${to - at} left`);
      const inner = NESTED[kind].get(field.number);
      if (skipped?.has(field.number) && !(kind === 'tensor' && field.number === TENSOR.raw)) {
        if (pending?.end !== at) flush();
        pending = { offset: pending?.offset ?? at, end: field.end };
      } else {
        flush();
        if (skipped?.has(field.number)) header.note({ kind: 'raw', offset: field.start, length: rawLength(field, source.name) });
        else if (inner && field.wire === 2) {
          const open = header.begin(field.number);
          await skimMessage(inner, field.start, field.end, inner === 'graph' ? depth + 1 : depth);
          header.end(open);
        } else if (field.number !== ELSEWHERE) await reader.copy(at, field.end, header.put);
      }
      at = field.end;
    }
    flush();
  };

  await skimMessage(kind, from, to, 0);
  return header.bytes();
}

/** What `skim` left of a skipped field, or undefined when this is an ordinary one. */
export function pieceOf(field: Field, where: string): Piece | undefined {
  if (field.number !== ELSEWHERE) return undefined;
  const raw = varintAt(field.payload, 0, where);
  const offset = varintAt(field.payload, raw.next, where);
  const length = varintAt(field.payload, offset.next, where);
  return { kind: raw.value === 1 ? 'raw' : 'fields', offset: offset.value, length: length.value };
}

/** The message as it is in the file, with what was skipped put back; for tensors that are carried. */
export async function unskim(message: Uint8Array, source: Source, where: string): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (const field of fieldsOf(message, where)) {
    const piece = pieceOf(field, where);
    if (!piece) parts.push(field.encoded);
    else {
      if (piece.kind === 'raw') parts.push(Uint8Array.from([...varint(TENSOR.raw * 8 + 2), ...varint(piece.length)]));
      parts.push(await source.read(piece.offset, piece.length));
    }
  }
  return parts;
}

function rawLength(field: { wire: number; start: number; end: number }, where: string): number {
  if (field.wire !== 2) throw corrupt(where, `at byte ${field.start}: the values of a tensor are not bytes`);
  return field.end - field.start;
}

function windowOf(source: Source) {
  let window: Uint8Array = new Uint8Array();
  let start = 0;
  return {
    holds: (at: number) => at >= start && Math.min(at + LONGEST_HEAD, source.size) <= start + window.length,
    async fill(at: number) {
      start = at;
      window = await source.read(at, Math.min(WINDOW, source.size - at));
    },
    fieldAt(at: number) {
      const field = fieldAt(window, at - start, `${source.name} at byte ${at}`);
      return { ...field, start: field.start + start, end: field.end + start };
    },
    async copy(from: number, to: number, put: (bytes: Uint8Array) => void) {
      if (to <= start + window.length) return put(window.subarray(from - start, to - start));
      for (let at = from; at < to; at += WINDOW) put(await source.read(at, Math.min(WINDOW, to - at)));
    },
  };
}

/** A header being written: nested messages get their lengths when they end. */
function growing(where: string) {
  let buffer = new Uint8Array(WINDOW);
  let size = 0;
  const put = (bytes: ArrayLike<number>) => {
    if (size + bytes.length > MAX_HEADER_BYTES) {
      throw new TersorError(
        'FILE_LIMIT',
        where,
        `the graph without its weights is larger than ${MAX_HEADER_BYTES} bytes`,
        'no known model is',
      );
    }
    if (size + bytes.length > buffer.length) {
      const larger = new Uint8Array(Math.max(2 * buffer.length, size + bytes.length));
      larger.set(buffer.subarray(0, size));
      buffer = larger;
    }
    buffer.set(bytes, size);
    size += bytes.length;
  };
  return {
    put,
    begin(number: number): number {
      put(varint(number * 8 + 2));
      put(new Uint8Array(LENGTH_BYTES));
      return size;
    },
    end(open: number) {
      buffer.set(padded(size - open), open - LENGTH_BYTES);
    },
    note({ kind, offset, length }: Piece) {
      const payload = [...varint(kind === 'raw' ? 1 : 0), ...varint(offset), ...varint(length)];
      put([...varint(ELSEWHERE * 8 + 2), ...varint(payload.length), ...payload]);
    },
    bytes: () => buffer.slice(0, size),
  };
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

function padded(value: number): number[] {
  const bytes = varint(value).map((byte) => (byte % 128) + 128);
  while (bytes.length < LENGTH_BYTES) bytes.push(128);
  bytes[LENGTH_BYTES - 1] = bytes[LENGTH_BYTES - 1]! - 128;
  return bytes;
}
