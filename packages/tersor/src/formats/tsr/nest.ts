/** Bits of the depths that a nested file has. */
export const DEPTHS = [2, 3, 4, 5, 6, 7, 8] as const;
/** Depths whose codes a tree tells; at the last one every code stands for itself. */
export const TABLES = DEPTHS.length - 1;
/** The depth that all others follow: it is divided as well as can be. */
const FIRST = 4;
const CODES = 256;
/** Lines fall into as many classes as this many codes bear. */
const CODES_PER_CLASS = 131072;
const MOST_CLASSES = 16;

/** Whole numbers of 8 bits in lines, whose bits are to come one after the other. */
export interface Lines {
  readonly codes: Int8Array;
  /** Codes that follow each other on one line, and how many lines there are before they begin again. */
  readonly inner: number;
  readonly lines: number;
}

/** What codes stand for at each depth. */
export interface Trees {
  readonly count: number;
  /** `[trees, TABLES, 256]`: of each code, as a byte, the one that stands for its group. */
  readonly tables: Uint8Array<ArrayBuffer>;
  /** Of all lines, which tree is theirs. */
  readonly classes: Uint8Array<ArrayBuffer>;
}

/**
 * Codes in nested groups: at 4 bits the 16 groups with the least squared error, of which 8 and then 4 are put together, and each is halved at every further bit. A group is known by
 * the code nearest to its mean. Lines whose codes are spread alike share a tree.
 * Source: quantization by levels as in Lloyd 1982, https://doi.org/10.1109/TIT.1982.1056489, found exactly (Wu 1991, https://doi.org/10.1016/0196-6774(91)90039-2); nested as the
 * tree-structured quantizers of Riskin and Gray 1991, https://doi.org/10.1109/78.134435
 */
export function growTrees(weights: readonly Lines[]): Trees {
  const histograms = weights.flatMap(histogramsOf);
  const total = weights.reduce((sum, { codes }) => sum + codes.length, 0);
  const count = Math.max(1, Math.min(MOST_CLASSES, Math.floor(total / CODES_PER_CLASS)));
  const order = histograms.map((_, line) => line).sort((a, b) => spreadOf(histograms[a]!) - spreadOf(histograms[b]!) || a - b);
  const classes = new Uint8Array(histograms.length);
  for (const [place, line] of order.entries()) classes[line] = Math.floor((place * count) / order.length);
  const tables = new Uint8Array(count * TABLES * CODES);
  for (let tree = 0; tree < count; tree++) {
    const all = new Float64Array(CODES).fill(1e-3); // what is never met belongs somewhere, too
    for (const [line, histogram] of histograms.entries())
      if (classes[line] === tree) for (let k = 0; k < CODES; k++) all[k]! += histogram[k]!;
    for (const [depth, groups] of groupsOf(all).entries()) fill(tables.subarray((tree * TABLES + depth) * CODES), groups, all);
  }
  return { count, tables, classes };
}

/** Of each line, how often each code occurs, from -128 on. */
function histogramsOf({ codes, inner, lines }: Lines): Uint32Array[] {
  const histograms = Array.from({ length: lines }, () => new Uint32Array(CODES));
  for (let from = 0, line = 0; from < codes.length; from += inner, line = (line + 1) % lines) {
    const into = histograms[line]!;
    for (let i = from; i < from + inner; i++) into[codes[i]! + 128]!++;
  }
  return histograms;
}

function spreadOf(histogram: Uint32Array): number {
  let [count, squares] = [0, 0];
  for (let k = 0; k < CODES; k++) {
    count += histogram[k]!;
    squares += histogram[k]! * (k - 128) ** 2;
  }
  return squares / Math.max(1, count);
}

/** Where groups end, in order. */
type Ends = readonly number[];

/** The groups of every depth but the last. */
function groupsOf(histogram: Float64Array): Ends[] {
  const sums = sumsOf(histogram);
  const each = Array.from({ length: CODES }, (_, code) => code + 1);
  const found = new Map<number, Ends>([[FIRST, divide(sums, 0, each, 2 ** FIRST)]]);
  for (let bits = FIRST - 1; bits >= DEPTHS[0]; bits--) found.set(bits, divide(sums, 0, found.get(bits + 1)!, 2 ** bits));
  for (let bits = FIRST + 1; bits < 8; bits++) {
    const halved = found.get(bits - 1)!.flatMap((end, i, all) => {
      const from = all[i - 1] ?? 0;
      return end - from < 2 ? [end] : divide(sums, from, each.slice(from, end), 2);
    });
    found.set(bits, halved);
  }
  return DEPTHS.slice(0, TABLES).map((bits) => found.get(bits)!);
}

/** Of everything before each code: how often, the sum, the sum of squares. */
type Sums = readonly [Float64Array, Float64Array, Float64Array];

function sumsOf(histogram: Float64Array): Sums {
  const sums = [new Float64Array(CODES + 1), new Float64Array(CODES + 1), new Float64Array(CODES + 1)] as const;
  for (let k = 0; k < CODES; k++) for (const [power, sum] of sums.entries()) sum[k + 1] = sum[k]! + histogram[k]! * (k - 128) ** power;
  return sums;
}

function errorOf([count, sum, squares]: Sums, from: number, to: number): number {
  const [n, s] = [count[to]! - count[from]!, sum[to]! - sum[from]!];
  return squares[to]! - squares[from]! - (n > 0 ? (s * s) / n : 0);
}

/** Puts neighbours, of which the first begins at `begin` and each ends where it says, together to `most` groups at most, with the least squared error. */
function divide(sums: Sums, begin: number, ends: Ends, most: number): Ends {
  const count = Math.min(most, ends.length);
  const n = ends.length;
  let costs = ends.map((end) => errorOf(sums, begin, end));
  const last: Int16Array[] = [];
  for (let group = 1; group < count; group++) {
    const [next, from] = [new Array<number>(n).fill(Number.POSITIVE_INFINITY), new Int16Array(n)];
    for (let i = group; i < n; i++) {
      for (let k = group - 1; k < i; k++) {
        const cost = costs[k]! + errorOf(sums, ends[k]!, ends[i]!);
        if (cost < next[i]!) [next[i], from[i]] = [cost, k];
      }
    }
    costs = next;
    last.push(from);
  }
  const taken: number[] = [];
  for (let group = last.length, i = n - 1; group >= 0; group--) {
    taken.unshift(ends[i]!);
    if (group > 0) i = last[group - 1]![i]!;
  }
  return taken;
}

/** Writes which code stands for each, both as bytes. */
function fill(table: Uint8Array, ends: Ends, histogram: Float64Array): void {
  let from = 0;
  for (const end of ends) {
    let [count, sum] = [0, 0];
    for (let k = from; k < end; k++) {
      count += histogram[k]!;
      sum += histogram[k]! * k;
    }
    const middle = Math.min(end - 1, Math.max(from, Math.round(sum / count)));
    for (let k = from; k < end; k++) table[(k + 128) & 255] = (middle + 128) & 255;
    from = end;
  }
}

/** The codes of lines as they stand at a depth. */
export function atDepth(
  { codes, inner, lines }: Lines,
  { tables, classes }: Trees,
  firstLine: number,
  depth: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(codes.length);
  for (let i = 0, line = 0, left = inner; i < codes.length; i++) {
    const code = codes[i]! & 255;
    bytes[i] = depth === TABLES ? code : tables[(classes[firstLine + line]! * TABLES + depth) * CODES + code]!;
    if (--left === 0) [line, left] = [(line + 1) % lines, inner];
  }
  return bytes;
}

/** What a reader must be told who knows the codes of the depth before: which of those that follow it. */
export function symbolsAt(weight: Lines, trees: Trees, firstLine: number, depth: number): Uint8Array<ArrayBuffer> {
  const { inner, lines, codes } = weight;
  const orders = Array.from({ length: trees.count }, (_, tree) => symbolsOf(trees.tables.subarray(tree * TABLES * CODES), depth));
  const symbols = new Uint8Array(codes.length);
  for (let i = 0, line = 0, left = inner; i < codes.length; i++) {
    symbols[i] = orders[trees.classes[firstLine + line]!]![codes[i]! & 255]!;
    if (--left === 0) [line, left] = [(line + 1) % lines, inner];
  }
  return symbols;
}

/** Of each code, its symbol: which one its group is, of those of its group before, in the order of the codes that stand for them. */
function symbolsOf(tables: Uint8Array, depth: number): Uint8Array {
  const codeAt = (of: number, code: number) => (of < 0 ? 0 : of === TABLES ? code : tables[of * CODES + code]!);
  const groups = new Map<number, Set<number>>();
  for (let code = 0; code < CODES; code++)
    groups.set(codeAt(depth - 1, code), (groups.get(codeAt(depth - 1, code)) ?? new Set()).add(codeAt(depth, code)));
  const orders = new Map([...groups].map(([before, own]) => [before, [...own].sort((a, b) => a - b)]));
  return Uint8Array.from({ length: CODES }, (_, code) => orders.get(codeAt(depth - 1, code))!.indexOf(codeAt(depth, code)));
}
