import type { Loops } from './loops.ts';
import { bytesOf, type Instances } from './memory.ts';
import { largestPiece, piecesOf } from './tiles.ts';
import { unwritten } from './unwritten.ts';

/** Twins of reference/mask.ts. */
export function wasmMasks(instances: Instances): Pick<Loops, 'maskTwoOfFour' | 'maskRows'> {
  function mask(values: Float32Array, norms: Float32Array, run: Runner): Uint8Array {
    const columns = norms.length;
    const output = new Uint8Array(unwritten(values.length));
    const input = bytesOf(values);
    const spec = { rows: values.length / columns, columns, block: columns };
    const { elements } = largestPiece(spec);
    instances.use([elements * 4, elements, columns * 4, columns * 8 + 32], ({ call, bytes }, from, to, atNorms, scratch) => {
      bytes.set(bytesOf(norms), atNorms);
      for (const { start, rows } of piecesOf(spec)) {
        const count = rows * columns;
        bytes.set(input.subarray(start * 4, (start + count) * 4), from);
        run(call, { from, rows, columns, norms: atNorms, scratch, to });
        output.set(bytes.subarray(to, to + count), start);
      }
    });
    return output;
  }

  return {
    maskTwoOfFour: (values, norms) =>
      mask(values, norms, (call, { from, rows, columns, norms, to }) => call('maskTwoOfFour', from, rows, columns, norms, to)),
    maskRows(values, norms, keep) {
      if (keep <= 0) return new Uint8Array(values.length);
      const kept = Math.min(keep, norms.length);
      return mask(values, norms, (call, at) => call('maskRows', at.from, at.rows, at.columns, at.norms, kept, at.scratch, at.to));
    },
  };
}

type Call = (kernel: string, ...args: number[]) => void;
type Places = Record<'from' | 'rows' | 'columns' | 'norms' | 'scratch' | 'to', number>;
type Runner = (call: Call, at: Places) => void;
