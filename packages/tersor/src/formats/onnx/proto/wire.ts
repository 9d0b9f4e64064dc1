import { TersorError } from '../../../core/error.ts';

/** How a field is encoded: varint, 8 bytes, length and bytes, 4 bytes. Groups (3 and 4) were never used by ONNX. */
export type Wire = 0 | 1 | 2 | 5;

/** One field of a message, as it lies in memory. */
export interface Field {
  readonly number: number;
  readonly wire: Wire;
  /** Without tag and length. */
  readonly payload: Uint8Array;
  /** With tag and length. */
  readonly encoded: Uint8Array;
}

export interface Varint {
  readonly value: number;
  /** Where the next byte is. */
  readonly next: number;
}

export function corrupt(where: string, what: string, hint = 'the file is damaged: fetch or export it again'): TersorError {
  return new TersorError('FILE_CORRUPT', where, what, hint);
}

/**
 * The fields of an encoded message, in their order.
 * @throws FILE_CORRUPT when one runs past the end
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export function* fieldsOf(message: Uint8Array, where: string): Generator<Field> {
  for (let at = 0; at < message.length; ) {
    const { number, wire, start, end } = fieldAt(message, at, where);
    if (end > message.length) throw corrupt(where, `field ${number} takes ${end - start} bytes, ${message.length - start} are left`);
    yield { number, wire, payload: message.subarray(start, end), encoded: message.subarray(at, end) };
    at = end;
  }
}

/** Where the field that begins at `at` has its payload; `end` is not checked against the message. */
export function fieldAt(bytes: Uint8Array, at: number, where: string): { number: number; wire: Wire; start: number; end: number } {
  const tag = varintAt(bytes, at, where);
  const number = Math.floor(tag.value / 8);
  const wire = tag.value % 8;
  if (number === 0 || tag.value >= 2 ** 32) throw corrupt(where, `field tag ${tag.value} is impossible`);
  switch (wire) {
    case 0:
      return { number, wire, start: tag.next, end: varintEnd(bytes, tag.next, where) };
    case 1:
      return { number, wire, start: tag.next, end: tag.next + 8 };
    case 2: {
      const length = varintAt(bytes, tag.next, where);
      return { number, wire, start: length.next, end: length.next + length.value };
    }
    case 5:
      return { number, wire, start: tag.next, end: tag.next + 4 };
    default:
      throw corrupt(where, `field ${number} has wire type ${wire}, which ONNX does not use`);
  }
}

/** 64 bits, seven a byte. */
export const VARINT_BYTES = 10;

/** A tag, length or position. @throws FILE_CORRUPT when it is cut off or beyond 2^53 */
export function varintAt(bytes: Uint8Array, at: number, where: string): Varint {
  let value = 0;
  let scale = 1;
  for (let next = at; next < Math.min(bytes.length, at + VARINT_BYTES); scale *= 128) {
    const byte = bytes[next++]!;
    value += (byte % 128) * scale;
    if (value > Number.MAX_SAFE_INTEGER) throw corrupt(where, 'a length is larger than any file');
    if (byte < 128) return { value, next };
  }
  throw corrupt(where, 'a number is cut off or longer than 64 bits');
}

function varintEnd(bytes: Uint8Array, at: number, where: string): number {
  for (let next = at; next < bytes.length && next < at + VARINT_BYTES; ) if (bytes[next++]! < 128) return next;
  throw corrupt(where, 'a number is cut off or longer than 64 bits');
}

/** All 64 bits of a varint field, as a signed number: `int64` and `int32` of the schema. */
export function int64(field: Field, where: string): bigint {
  if (field.wire !== 0) throw corrupt(where, `field ${field.number} is not a number`);
  return varint64(field.payload);
}

/** @param payload exactly one varint */
export function varint64(payload: Uint8Array): bigint {
  let low = 0;
  let high = 0n;
  for (let i = 0; i < payload.length; i++) {
    if (i < 7) low += (payload[i]! % 128) * 128 ** i;
    else high += BigInt(payload[i]! % 128) << BigInt(7 * i);
  }
  return BigInt.asIntN(64, high + BigInt(low));
}

/** A number that is used as a size, version or code. @throws FILE_CORRUPT when negative, FILE_LIMIT above 2^53 */
export function count(field: Field, where: string, about: string): number {
  const value = int64(field, where);
  if (value < 0n) throw corrupt(where, `${about} is ${value}`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new TersorError('FILE_LIMIT', where, `${about} is ${value}`, 'no model has that');
  return Number(value);
}

export function payloadOf(field: Field, where: string): Uint8Array {
  if (field.wire !== 2) throw corrupt(where, `field ${field.number} should be text or a message and is a number`);
  return field.payload;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name. @throws FILE_CORRUPT when it is not UTF-8 */
export function text(field: Field, where: string): string {
  const value = textOrUndefined(payloadOf(field, where));
  if (value === undefined) throw corrupt(where, `field ${field.number} should be text and is not UTF-8`);
  return value;
}

export function textOrUndefined(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Messages and unknown fields merge by being put behind one another; that is how protobuf defines it. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
