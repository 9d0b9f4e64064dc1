import { byteWriter } from '../../core/byte-writer.ts';
import type { Elements } from '../../core/kernels.ts';
import { NEXT } from '../../core/trellis.ts';
import type { LevelLines } from '../reference/levels.ts';
import type { Coder } from './coding.ts';

/** What the form's second byte says. */
const FLAGS = { trellis: 1, columns: 2 };

/**
 * Signed integers as levels of a quantizer, by rows or by columns, and as a trellis chose them where one did; undefined when they are no matrix, or that takes more than `most` bytes.
 * Whether a trellis chose them shows: others obey its rules for a few elements only.
 */
export function encodeLevels(
  coder: Coder,
  bytes: Uint8Array,
  elements: Elements,
  form: number,
  most: number,
): Uint8Array<ArrayBuffer> | undefined {
  const { count, width, turned, columns } = elements;
  if (turned || width > 2 || columns === 0 || count % columns !== 0) return undefined;
  const levels = width === 1 ? new Int8Array(bytes.slice().buffer) : new Int16Array(bytes.slice().buffer);
  let best: Uint8Array<ArrayBuffer> | undefined;
  for (const order of ordersOf(levels, columns)) {
    const coded = coder.encodeLevels(levels, order, (best?.length ?? most) - 1);
    if (!coded) continue;
    const writer = byteWriter();
    writer.byte(form);
    writer.byte((order.isTrellis ? FLAGS.trellis : 0) + (order.stride > 1 ? FLAGS.columns : 0));
    writer.number(coded.length);
    writer.bytes(coded);
    const next = writer.finish();
    if (next.length < (best?.length ?? most)) best = next;
  }
  return best;
}

/** By rows and by columns; by a trellis where some order obeys it. */
function ordersOf(levels: Int8Array | Int16Array, columns: number): LevelLines[] {
  const rows = levels.length / columns;
  const plain: LevelLines[] = [
    { lines: rows, length: columns, lineStride: columns, stride: 1, isTrellis: false },
    ...(columns > 1 && rows > 1 ? [{ lines: columns, length: rows, lineStride: 1, stride: columns, isTrellis: false }] : []),
  ];
  const chosen = plain.filter((order) => obeysTrellis(levels, order)).map((order) => ({ ...order, isTrellis: true }));
  return chosen.length > 0 ? chosen : plain;
}

function obeysTrellis(levels: Int8Array | Int16Array, { lines, length, lineStride, stride }: LevelLines): boolean {
  for (let line = 0; line < lines; line++) {
    let state = 0;
    for (let i = 0; i < length; i++) {
      const level = levels[line * lineStride + i * stride]!;
      const quantizer = state & 1;
      if (level !== 0 && (level & 1) !== quantizer) return false;
      state = NEXT[state]![((Math.abs(level) + quantizer) >> 1) & 1]!;
    }
  }
  return true;
}
