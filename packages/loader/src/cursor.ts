import { corrupt } from './error.ts';

/** Reads bytes in order, and never beyond their end. */
export interface Cursor {
  readonly left: () => number;
  byte(): number;
  u32(): number;
  /** LEB128: seven bits a byte, the lowest first. @throws corrupt above `most` */
  number(most: number): number;
  bytes(length: number): Uint8Array;
  /** `count` bits, up to 24, of which the first is the lowest of its byte. */
  bits(count: number): number;
  /** Drops the rest of the byte that bits were read of. */
  align(): void;
}

export function cursorOf(bytes: Uint8Array): Cursor {
  let [at, held, value] = [0, 0, 0];
  const byte = () => {
    if (at >= bytes.length) throw corrupt('ends too early');
    return bytes[at++]!;
  };
  return {
    left: () => bytes.length - at,
    byte,
    u32: () => byte() + byte() * 2 ** 8 + byte() * 2 ** 16 + byte() * 2 ** 24,
    number(most) {
      let [sum, scale] = [0, 1];
      for (let next = 128; next >= 128; scale *= 128) {
        next = byte();
        sum += (next & 127) * scale;
        if (!(sum <= most) || scale > 2 ** 49) throw corrupt(`has a number above ${most}`);
      }
      return sum;
    },
    bytes(length) {
      if (length > bytes.length - at) throw corrupt('ends too early');
      at += length;
      return bytes.subarray(at - length, at);
    },
    bits(count) {
      for (; held < count; held += 8) value |= byte() << held;
      const taken = value & (2 ** count - 1);
      value >>>= count;
      held -= count;
      return taken;
    },
    align() {
      [held, value] = [0, 0];
    },
  };
}
