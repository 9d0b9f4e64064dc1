import { elementsOf } from '../dtype.ts';

/**
 * Where channels lie in a value: along `axes`, ascending, row-major, and which channel each position along them is. A position that is no channel of
 * the group is -1: whatever happens to the group does not reach it.
 */
export interface Lanes {
  readonly axes: readonly number[];
  readonly sizes: readonly number[];
  readonly ids: Int32Array;
}

/** Sizes as far as they are known. */
export type Sizes = readonly (number | undefined)[];

export function alongOneAxis(axis: number, ids: Int32Array): Lanes {
  return { axes: [axis], sizes: [ids.length], ids };
}

/** The same lanes where axes have other numbers, in whatever order. */
export function renumbered({ axes, sizes, ids }: Lanes, to: (axis: number) => number): Lanes {
  const moved = axes.map(to);
  const order = [...moved.keys()].sort((a, b) => moved[a]! - moved[b]!);
  const strides = sizes.map((_, i) => elementsOf(sizes.slice(i + 1)));
  const lengths = order.map((i) => sizes[i]!);
  const steps = order.map((i) => strides[i]!);
  return {
    axes: order.map((i) => moved[i]!),
    sizes: lengths,
    ids: Int32Array.from(ids, (_, at) => ids[sourceOf(at, lengths, steps)]!),
  };
}

/** What is left of lanes where only some positions along an axis go on; `-1` in `from` for positions that come from elsewhere. */
export function picked({ axes, sizes, ids }: Lanes, axis: number, from: readonly number[]): Lanes {
  const at = axes.indexOf(axis);
  const strides = sizes.map((_, i) => elementsOf(sizes.slice(i + 1)));
  const lengths = sizes.with(at, from.length);
  const result = new Int32Array(elementsOf(lengths)).map((_, i) => {
    const inner = strides[at]!;
    const position = from[Math.floor(i / inner) % from.length]!;
    return position < 0 ? -1 : ids[(Math.floor(i / inner / from.length) * sizes[at]! + position) * inner + (i % inner)]!;
  });
  return { axes, sizes: lengths, ids: result };
}

/** Positions of `picked` the other way: of an axis of `size`, those that went on are `from`. */
export function inverse(from: readonly number[], size: number): number[] {
  const back = new Array<number>(size).fill(-1);
  for (const [to, position] of from.entries()) if (position >= 0) back[position] = to;
  return back;
}

/**
 * Lanes of a value that is reshaped: axes are matched where their sizes tell, from the end or else from the start. Axes whose sizes only a run can tell
 * are taken to match one to one: batch and positions do.
 * @returns a reason where they cannot be followed
 */
export function reshaped(lanes: Lanes, from: Sizes, to: Sizes): Lanes | string {
  const sized = from.map((size, axis) => lanes.sizes[lanes.axes.indexOf(axis)] ?? size);
  const blocks = align(sized, to, lanes.axes) ?? alignFromStart(sized, to, lanes.axes) ?? [];
  const carrying = blocks.filter(({ old }) => old.some((axis) => lanes.axes.includes(axis)));
  const held = carrying.flatMap(({ old }) => old);
  const isHeld = blocks.length > 0 && lanes.axes.every((axis, i) => lanes.sizes[i] === 1 || held.includes(axis));
  const wide = isHeld ? widened(lanes, sized, held) : undefined;
  if (!wide) return 'it is reshaped in a way that is not followed';
  const sizes = new Map(carrying.flatMap(({ young, sizes: known }) => young.map((axis, i) => [axis, known[i]!] as const)));
  const all = [...sizes.keys()].sort((a, b) => a - b);
  const long = all.filter((axis) => sizes.get(axis) !== 1);
  const axes = long.length > 0 ? long : all.slice(0, 1);
  return { axes, sizes: axes.map((axis) => sizes.get(axis)!), ids: wide.ids };
}

/**
 * The same lanes along more axes: every position along them is of its channel. Undefined where their sizes are not known.
 * @param all  sizes of the value
 */
export function widened(lanes: Lanes, all: Sizes, more: readonly number[]): Lanes | undefined {
  const { axes, sizes, ids } = lanes;
  const wide = [...new Set([...axes, ...more])].sort((a, b) => a - b);
  const lengths = wide.map((axis) => sizes[axes.indexOf(axis)] ?? all[axis]);
  if (lengths.some((size) => size === undefined)) return undefined;
  const known = lengths.map((size) => size ?? 1);
  const strides = wide.map((axis) => {
    const at = axes.indexOf(axis);
    return at < 0 ? 0 : elementsOf(sizes.slice(at + 1));
  });
  return { axes: wide, sizes: known, ids: new Int32Array(elementsOf(known)).map((_, at) => ids[sourceOf(at, known, strides)]!) };
}

/** Axes that hold the same elements before and after. */
interface Block {
  readonly old: readonly number[];
  readonly young: readonly number[];
  /** Of the young axes, where they are known. */
  readonly sizes: readonly (number | undefined)[];
}

function alignFromStart(from: Sizes, to: Sizes, lanes: readonly number[]): Block[] | undefined {
  const back = (size: number) => (axis: number) => size - 1 - axis;
  const blocks = align(from.toReversed(), to.toReversed(), lanes.map(back(from.length)), true);
  return blocks?.map(({ old, young, sizes }) => ({ old: old.map(back(from.length)), young: young.map(back(to.length)), sizes }));
}

/** @param isPartial  whether what comes after the last of the lanes need not be matched */
function align(from: Sizes, to: Sizes, lanes: readonly number[], isPartial = false): Block[] | undefined {
  const blocks: Block[] = [];
  const least = Math.min(...lanes);
  for (let [i, j] = [from.length - 1, to.length - 1]; i >= 0 || j >= 0; i--, j--) {
    if (isPartial && i < least) return blocks;
    const [a, b] = [from[i], to[j]];
    if (i < 0 || j < 0) {
      if ((i < 0 ? b : a) !== 1) return undefined;
      continue;
    }
    if (a === undefined && b === 1 && from.length < to.length) {
      i++; // a new axis of a single element
      continue;
    }
    if (a === 1 && b === undefined && from.length > to.length && !lanes.includes(i)) {
      j++; // one that goes
      continue;
    }
    const old = [i];
    const young = [j];
    const sizes = [b];
    if (a !== undefined && b === undefined) {
      // one axis for all lanes that lie side by side
      while (lanes.includes(i) && lanes.includes(i - 1)) old.push(--i);
      sizes[0] = old.reduce((product, axis) => product * (from[axis] ?? 1), 1);
    }
    if (a !== undefined && b !== undefined) {
      for (let [left, right] = [a, b]; left !== right; ) {
        if (left < right) {
          const next = from[--i];
          if (next === undefined) return undefined;
          old.push(i);
          left *= next;
        } else {
          const next = to[--j] ?? left / right;
          if (j < 0 || !Number.isInteger(next)) return undefined;
          young.push(j);
          sizes.push(next);
          right *= next;
        }
      }
    }
    blocks.push({ old, young, sizes });
  }
  return blocks;
}

function sourceOf(at: number, lengths: readonly number[], steps: readonly number[]): number {
  let rest = at;
  let source = 0;
  for (let i = lengths.length - 1; i >= 0; i--) {
    source += (rest % lengths[i]!) * steps[i]!;
    rest = Math.floor(rest / lengths[i]!);
  }
  return source;
}
