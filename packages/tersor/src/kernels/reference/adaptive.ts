/** Probabilities are of a one, in 65536ths, and never nearer to certainty. */
const LEAST = 32;
/** A node that was met more often learns no slower. */
const MOST_MET = 255;

/** What is known of one node of the tree of a symbol's bits. */
interface Node {
  probability: number;
  met: number;
}

/**
 * Symbols as eight decisions each, from the highest bit down, every one coded with the probability that its node has learned so far, in the context that the
 * symbol's class names. Nothing but the bytes is stored.
 * Source: Witten, Neal and Cleary 1987, https://doi.org/10.1145/214762.214771; the interval without carry as in Mahoney's lpaq
 */
export function encodeAdaptive(symbols: Uint8Array, classes?: Uint8Array): Uint8Array | undefined {
  const contexts = new Map<number, Node>();
  const bytes: number[] = [];
  let [low, high] = [0, 2 ** 32 - 1];
  symbols.forEach((symbol, i) => {
    for (let node = 1, shift = 7; shift >= 0; shift--) {
      const bit = (symbol >> shift) & 1;
      const known = nodeOf(contexts, (classes?.[i] ?? 0) * 256 + node);
      const part = middle(low, high, known.probability);
      if (bit === 1) high = part;
      else low = part + 1;
      learn(known, bit);
      node = node * 2 + bit;
      for (; Math.floor(low / 2 ** 24) === Math.floor(high / 2 ** 24); high = (high % 2 ** 24) * 256 + 255) {
        bytes.push(Math.floor(high / 2 ** 24));
        low = (low % 2 ** 24) * 256;
      }
    }
  });
  for (let i = 3; i >= 0; i--) bytes.push(Math.floor(high / 256 ** i) % 256);
  return bytes.length > symbols.length ? undefined : Uint8Array.from(bytes);
}

function nodeOf(contexts: Map<number, Node>, key: number): Node {
  const node = contexts.get(key) ?? { probability: 32768, met: 0 };
  contexts.set(key, node);
  return node;
}

/** Where the interval from `low` to `high` is parted. */
function middle(low: number, high: number, probability: number): number {
  const range = high - low;
  return low + Math.floor(range / 65536) * probability + Math.floor(((range % 65536) * probability) / 65536);
}

/** The more often a node was met, the less it learns. */
function learn(node: Node, bit: number): void {
  const rate = Math.floor(131072 / (2 * node.met + 3));
  const { probability } = node;
  const next =
    bit === 1 ? probability + Math.floor(((65536 - probability) * rate) / 65536) : probability - Math.floor((probability * rate) / 65536);
  node.probability = Math.min(65536 - LEAST, Math.max(LEAST, next));
  node.met = Math.min(MOST_MET, node.met + 1);
}
