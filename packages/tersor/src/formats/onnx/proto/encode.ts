/** A message being put together: bytes, nested messages, and weights whose values come later. */
export interface Message {
  readonly size: number;
  readonly parts: readonly Part[];
}

export type Part = Uint8Array | Message | Payload;

/** Bytes that are known to come, but not loaded. */
export interface Payload {
  /** What they take here: nothing when they go to the file beside. */
  readonly size: number;
  /** Where they begin in the data file beside; absent: they come here. */
  readonly aside?: { readonly offset: number; readonly size: number };
  readonly load: () => Promise<Uint8Array>;
}

const ENCODER = new TextEncoder();

export function messageOf(parts: readonly Part[]): Message {
  return { parts, size: parts.reduce((sum, part) => sum + sizeOf(part), 0) };
}

/** A nested message with its tag and length. */
export function encodeMessage(number: number, parts: readonly Part[]): Part {
  const message = messageOf(parts);
  if (message.size > JOINED || !parts.every((part) => part instanceof Uint8Array))
    return messageOf([encodeHead(number, message.size), message]);
  const { field, at } = begin(number, message.size);
  fill(field, at, parts);
  return field;
}

export function encodeBytes(number: number, bytes: Uint8Array): Uint8Array {
  const { field, at } = begin(number, bytes.length);
  field.set(bytes, at);
  return field;
}

/** Tag and length of a field whose bytes follow as parts of their own. */
export function encodeHead(number: number, length: number): Uint8Array {
  const { field, at } = begin(number, length, 0);
  return field.subarray(0, at);
}

export function encodePayload(number: number, payload: Payload): Message {
  return messageOf([encodeHead(number, payload.size), payload]);
}

export function encodeText(number: number, value: string): Uint8Array {
  return encodeBytes(number, ENCODER.encode(value));
}

/** Nothing when the text is empty, which is what readers take an absent field for. */
export function encodeOptional(number: number, value: string): Uint8Array[] {
  return value === '' ? [] : [encodeText(number, value)];
}

export function encodeVarint(number: number, value: bigint | number): Uint8Array {
  const field = new Uint8Array(varintSize(number * 8) + varintSize(value));
  putVarint(field, putVarint(field, 0, number * 8), value);
  return field;
}

/** A repeated number: all in one field, or a field each where that is shorter. Readers take both. */
export function encodeRepeated(number: number, values: readonly (bigint | number)[]): Uint8Array[] {
  if (values.length < 3) return values.map((value) => encodeVarint(number, value));
  const { field, at } = begin(
    number,
    values.reduce((size: number, value) => size + varintSize(value), 0),
  );
  values.reduce((next: number, value) => putVarint(field, next, value), at);
  return [field];
}

export function encodeFloat(number: number, value: number): Uint8Array {
  const field = new Uint8Array(varintSize(number * 8 + 5) + 4);
  new DataView(field.buffer).setFloat32(putVarint(field, 0, number * 8 + 5), value, true);
  return field;
}

export function encodeFloats(number: number, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return encodeBytes(number, bytes);
}

/** Everything in order: small parts joined, payloads by themselves. */
export function* flatten(message: Message): Generator<Uint8Array | Payload> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  const join = () => {
    const whole = new Uint8Array(size);
    fill(whole, 0, waiting);
    [waiting, size] = [[], 0];
    return whole;
  };
  for (const part of leavesOf(message)) {
    if (part instanceof Uint8Array) {
      waiting.push(part);
      size += part.length;
      if (size < CHUNK) continue;
    }
    if (size > 0) yield join();
    if (!(part instanceof Uint8Array)) yield part;
  }
  if (size > 0) yield join();
}

function* leavesOf(message: Message): Generator<Uint8Array | Payload> {
  for (const part of message.parts) {
    if ('parts' in part) yield* leavesOf(part);
    else yield part;
  }
}

/** Messages up to this size are put together at once: a node is one part, not one per name. */
const JOINED = 4096;

/** What is written at a time. */
const CHUNK = 64 * 1024;

/** Bytes of a part where it stands. */
export function sizeOf(part: Part): number {
  return part instanceof Uint8Array ? part.length : part.size;
}

function fill(target: Uint8Array, start: number, parts: readonly Part[]): void {
  let at = start;
  for (const part of parts) {
    if (!(part instanceof Uint8Array)) continue;
    target.set(part, at);
    at += part.length;
  }
}

/** A field of known length with tag and length in place. */
function begin(number: number, length: number, room = length): { readonly field: Uint8Array; readonly at: number } {
  const tag = number * 8 + 2;
  const field = new Uint8Array(varintSize(tag) + varintSize(length) + room);
  return { field, at: putVarint(field, putVarint(field, 0, tag), length) };
}

/** Negative numbers take ten bytes, as two's complement of 64 bits. */
function varintSize(value: bigint | number): number {
  let size = 1;
  if (typeof value === 'bigint' || value < 0) {
    for (let rest = BigInt.asUintN(64, BigInt(value)); rest >= 128n; rest >>= 7n) size++;
  } else {
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  }
  return size;
}

/** @returns where the next byte goes */
function putVarint(target: Uint8Array, start: number, value: bigint | number): number {
  let at = start;
  if (typeof value === 'bigint' || value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 128n; rest >>= 7n) target[at++] = Number(rest & 127n) + 128;
    target[at++] = Number(rest);
  } else {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) + 128;
    target[at++] = rest;
  }
  return at;
}
