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
  readonly aside?: number;
  readonly load: () => Promise<Uint8Array>;
}

const ENCODER = new TextEncoder();

export function messageOf(parts: readonly Part[]): Message {
  return { parts, size: parts.reduce((sum, part) => sum + sizeOf(part), 0) };
}

/** A nested message with its tag and length. */
export function encodeMessage(number: number, parts: readonly Part[]): Message {
  const message = messageOf(parts);
  return messageOf([encodeHead(number, message.size), message]);
}

export function encodeBytes(number: number, bytes: Uint8Array): Uint8Array {
  const start = encodeHead(number, bytes.length);
  const field = new Uint8Array(start.length + bytes.length);
  field.set(start);
  field.set(bytes, start.length);
  return field;
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
  return Uint8Array.from([...varint(number * 8), ...varint(value)]);
}

/** A repeated number: all in one field, or a field each where that is shorter. Readers take both. */
export function encodeRepeated(number: number, values: readonly (bigint | number)[]): Uint8Array[] {
  if (values.length < 3) return values.map((value) => encodeVarint(number, value));
  return [encodeBytes(number, Uint8Array.from(values.flatMap(varint)))];
}

export function encodeFloat(number: number, value: number): Uint8Array {
  const field = Uint8Array.from([...varint(number * 8 + 5), 0, 0, 0, 0]);
  new DataView(field.buffer).setFloat32(field.length - 4, value, true);
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
export function* flatten(message: Message, joined = 64 * 1024): Generator<Uint8Array | Payload> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  const join = () => {
    const whole = new Uint8Array(size);
    let at = 0;
    for (const bytes of waiting) {
      whole.set(bytes, at);
      at += bytes.length;
    }
    [waiting, size] = [[], 0];
    return whole;
  };
  for (const part of leavesOf(message)) {
    if (part instanceof Uint8Array) {
      waiting.push(part);
      size += part.length;
      if (size < joined) continue;
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

function sizeOf(part: Part): number {
  return part instanceof Uint8Array ? part.length : part.size;
}

/** Tag and length of a field whose bytes follow as parts of their own. */
export function encodeHead(number: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + 2), ...varint(length)]);
}

/** Negative numbers take ten bytes, as two's complement of 64 bits. */
function varint(value: bigint | number): number[] {
  if (typeof value === 'bigint' || value < 0) return wideVarint(BigInt.asUintN(64, BigInt(value)));
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return bytes;
}

function wideVarint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128);
  bytes.push(Number(rest));
  return bytes;
}
