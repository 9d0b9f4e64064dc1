import { decode, integersOf } from '../../../core/decode.ts';
import { elementsOf } from '../../../core/dtype.ts';
import type { WeightId } from '../../../core/graph.ts';
import { bytesOf } from '../../../core/layout.ts';
import type { Weight } from '../../../core/model.ts';
import type { DenseTensor } from '../../../core/tensor.ts';
import { heldBy } from '../lower/expand.ts';
import type { Constant, Spread, Term } from './term.ts';

/** Axes and lengths. */
const MAX_INTEGERS = 64;

/** The block of every column, and zero points: bytes that are read to know a layout. */
const MAX_BYTES = 2 ** 20;

/** What small constants say; each is read once. */
export interface SmallConstants {
  /** Axes or lengths; undefined when `term` is none. */
  integers(term: Term | undefined): Promise<readonly number[] | undefined>;
  /** What each byte holds, when that is a table for unpacking. */
  table(constant: Constant): Promise<{ readonly bits: 2 | 4; readonly zero: number } | undefined>;
  /** The block of every column, when it is that. */
  spread(term: Term | undefined, blocks: number): Promise<Spread | undefined>;
  /** Whether all elements are zero; false when there are too many to look at. */
  allZero(weight: Weight): Promise<boolean>;
}

export function smallConstants(): SmallConstants {
  const integers = remember((weight) => readIntegers(weight));
  const table = remember((weight) => readTable(weight));
  const spread = remember((weight) => readSpread(weight));
  const allZero = remember(async (weight) => {
    const tensor = await readUpTo(weight, MAX_BYTES);
    return tensor ? tensor.bytes.every((byte) => byte === 0) : false;
  });
  return {
    integers: async (term) => (term?.kind === 'constant' ? integers(term.weight) : undefined),
    table: ({ weight }) => table(weight),
    spread: async (term, blocks) => {
      const found = term?.kind === 'constant' || term?.kind === 'index' ? await spread(storedBy(term)) : undefined;
      return found && Math.ceil(found.columns / found.block) === blocks ? found : undefined;
    },
    allZero,
  };
}

function storedBy(term: Extract<Term, { kind: 'constant' | 'index' }>): Weight {
  return term.kind === 'constant' ? term.weight : term.stored.weight;
}

function remember<T>(read: (weight: Weight) => Promise<T>): (weight: Weight) => Promise<T> {
  const known = new Map<WeightId, Promise<T>>();
  return (weight) => {
    const result = known.get(weight.id) ?? read(weight);
    known.set(weight.id, result);
    return result;
  };
}

async function readUpTo(weight: Weight, bytes: number): Promise<DenseTensor | undefined> {
  if (weight.layout.kind !== 'dense' || weight.dtype === 'string' || bytesOf(weight) > bytes) return undefined;
  const tensor = await weight.load();
  return tensor.kind === 'dense' ? tensor : undefined;
}

async function readIntegers(weight: Weight): Promise<readonly number[] | undefined> {
  if (weight.dtype !== 'i64' && weight.dtype !== 'i32') return undefined;
  const tensor = await readUpTo(weight, MAX_INTEGERS * 8);
  return tensor && integersOf(tensor);
}

async function readTable(weight: Weight) {
  const [bytes, perByte] = weight.shape;
  const bits = perByte === 2 ? 4 : 2;
  if (weight.dtype !== 'i8' || bytes !== 256 || elementsOf(weight.shape) !== (256 * 8) / bits) return undefined;
  const tensor = await readUpTo(weight, MAX_BYTES);
  if (!tensor) return undefined;
  const values = decode(tensor);
  const zero = 0 - (values[0] ?? 0);
  return heldBy(bits, zero).every((value, i) => value === values[i]) ? ({ bits, zero } as const) : undefined;
}

async function readSpread(weight: Weight): Promise<Spread | undefined> {
  if (weight.shape.length !== 1 || !['u8', 'i32', 'i64'].includes(weight.dtype)) return undefined;
  const tensor = await readUpTo(weight, MAX_BYTES);
  if (!tensor) return undefined;
  const blocks = decode(tensor);
  const first = blocks.findIndex((block) => block !== 0);
  const block = first < 0 ? blocks.length : first;
  return blocks.length > 0 && blocks.every((value, i) => value === Math.floor(i / block)) ? { block, columns: blocks.length } : undefined;
}
