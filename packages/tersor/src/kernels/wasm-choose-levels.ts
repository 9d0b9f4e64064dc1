import type { LevelChoice } from '../core/kernels.ts';
import type { Instances } from './memory.ts';

/** Lines whose errors are gathered, as the kernel has it. */
const BATCH = 32;

/** Twin of reference/choose-levels.ts. */
export function wasmChooseLevels(instances: Instances): (values: Float32Array, choice: LevelChoice) => Int16Array {
  return (values, choice) => {
    const { lines, length, lineSteps, placeSteps, lineContexts, placeContexts, rates, isTrellis, run, compensation } = choice;
    const pitch = Math.ceil(length / 8) * 8;
    const factors = compensation?.factors ?? new Float32Array();
    const order = compensation?.order ?? Uint32Array.from({ length: lines }, (_, line) => line);
    const levels = new Int16Array(lines * length);
    const sizes = [
      4 * lines * pitch,
      2 * lines * pitch,
      12 * lines,
      8 * pitch,
      rates.byteLength,
      factors.byteLength,
      pitch * (16 + 4 * BATCH),
    ];
    instances.use(sizes, ({ call, bytes }, matrix, to, ofLines, ofPlaces, table, factor, scratch) => {
      const put = (array: Float32Array | Int32Array | Uint32Array, at: number) =>
        bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
      const floats = new Float32Array(bytes.buffer);
      for (let line = 0; line < lines; line++) {
        const at = matrix / 4 + line * pitch;
        floats.set(values.subarray(line * length, (line + 1) * length), at);
        floats.fill(0, at + length, at + pitch);
      }
      put(lineSteps, ofLines);
      put(lineContexts, ofLines + 4 * lines);
      put(order, ofLines + 8 * lines);
      put(placeSteps, ofPlaces);
      put(placeContexts, ofPlaces + 4 * pitch);
      put(rates, table);
      put(factors, factor);
      const groups = compensation ? factors.length / lines ** 2 : 1;
      call(
        'chooseLevels',
        matrix,
        lines,
        length,
        pitch,
        ofLines,
        ofPlaces,
        ofLines + 4 * lines,
        ofPlaces + 4 * pitch,
        table,
        isTrellis ? 1 : 0,
        Math.min(run, length),
        ofLines + 8 * lines,
        compensation ? factor : 0,
        groups,
        scratch,
        to,
      );
      const all = new Int16Array(bytes.buffer, to, lines * pitch);
      for (let line = 0; line < lines; line++) levels.set(all.subarray(line * pitch, line * pitch + length), line * length);
    });
    return levels;
  };
}
