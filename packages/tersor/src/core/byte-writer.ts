/** Bytes that are appended one after the other, and bits within them. */
export interface ByteWriter {
  byte(value: number): void;
  /** LEB128, up to 2^53. */
  number(value: number): void;
  bytes(values: Uint8Array): void;
  /** `count` bits, up to 24, the first at the lowest free bit. */
  bits(value: number, count: number): void;
  /** Fills the byte that bits were written to with zeros. */
  align(): void;
  finish(): Uint8Array<ArrayBuffer>;
}

export function byteWriter(): ByteWriter {
  let buffer = new Uint8Array(1024);
  let [length, held, value] = [0, 0, 0];
  const room = (more: number) => {
    if (length + more <= buffer.length) return;
    const larger = new Uint8Array(Math.max(buffer.length * 2, length + more));
    larger.set(buffer.subarray(0, length));
    buffer = larger;
  };
  const byte = (next: number) => {
    room(1);
    buffer[length++] = next;
  };
  return {
    byte,
    number(rest) {
      for (; rest >= 128; rest = Math.floor(rest / 128)) byte((rest % 128) + 128);
      byte(rest);
    },
    bytes(values) {
      room(values.length);
      buffer.set(values, length);
      length += values.length;
    },
    bits(next, count) {
      value |= next << held;
      held += count;
      for (; held >= 8; held -= 8) {
        byte(value & 255);
        value >>>= 8;
      }
    },
    align() {
      if (held > 0) byte(value);
      [held, value] = [0, 0];
    },
    finish: () => buffer.slice(0, length),
  };
}
