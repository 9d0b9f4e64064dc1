import type { Node } from '../graph.ts';
import { type Lanes, widened } from './lanes.ts';
import type { Border, ClipPart, Group, Part } from './port.ts';
import { ruleOf } from './rules.ts';
import type { Survey } from './survey.ts';

export interface GroupOptions {
  /** Whether a Clip may become one per channel. */
  readonly clip?: boolean;
  /** See `Port`. */
  readonly mixed?: boolean;
  /** Operators that may stand in the way; what is done is undone for them. None unless told. */
  readonly borders?: number;
}

/** Ways that are tried where factors may go to one of several inputs. */
const MOST_WAYS = 8;

/**
 * All that must change together when the channels of `value` get factors; a text says what stands in the way.
 */
export function groupOf(value: string, lanes: Lanes, survey: Survey, options: GroupOptions = {}): Group | string {
  /** What was chosen so far, in order. */
  const chosen: Choice[] = [];
  let reason: string | undefined;
  for (let way = 0; way < MOST_WAYS; way++) {
    const found = close(value, lanes, survey, options, (node, candidates) => {
      const known = chosen.find((choice) => choice.node === node);
      if (!known) chosen.push({ node, left: candidates });
      return known?.left[0] ?? candidates[0]!;
    });
    if (typeof found !== 'string') return found;
    reason ??= found;
    if (!turn(chosen)) break;
  }
  return reason ?? 'nothing takes its factors';
}

interface Choice {
  readonly node: Node;
  /** Inputs that were not tried yet; the first one is. */
  readonly left: readonly number[];
}

/** The last choice that has another candidate takes it; those after it are open again. */
function turn(chosen: Choice[]): boolean {
  for (let last = chosen.pop(); last; last = chosen.pop()) {
    if (last.left.length < 2) continue;
    chosen.push({ node: last.node, left: last.left.slice(1) });
    return true;
  }
  return false;
}

function close(
  start: string,
  first: Lanes,
  survey: Survey,
  { clip = false, mixed = false, borders: mostBorders = 0 }: GroupOptions,
  choose: (node: Node, candidates: readonly number[]) => number,
): Group | string {
  const parents: number[] = [];
  const lanes = new Map<string, Lanes>();
  const parts = new Map<string, Part>();
  const clips = new Map<Node, ClipPart>();
  const queue = new Set<Node>();
  const borders = new Map<Node, string>();
  let refusal: string | undefined;

  const find = (id: number): number => {
    let root = id;
    while (parents[root] !== root) root = parents[root]!;
    for (let at = id; at !== root; ) [parents[at], at] = [root, parents[at]!];
    return root;
  };
  const join = (a: number, b: number) => {
    const [x, y] = [find(a), find(b)];
    parents[Math.max(x, y)] = Math.min(x, y);
  };
  const wake = (name: string) => {
    const maker = survey.makers.get(name);
    if (maker) queue.add(maker);
    else refusal ??= `${name} comes from outside of the graph`;
    for (const reader of survey.readers.get(name) ?? []) queue.add(reader);
  };
  const give = (name: string, given: Lanes) => {
    const before = lanes.get(name);
    if (!before) {
      if (given.ids.every((id) => id < 0)) return;
      refusal ??= survey.fixed.get(name);
      lanes.set(name, given);
      wake(name);
      return;
    }
    const sizes = survey.sizes(name) ?? [];
    const [old, young] = [widened(before, sizes, given.axes), widened(given, sizes, before.axes)];
    if (!old || old.ids.length !== young?.ids.length) {
      refusal ??= 'its channels are seen along different axes';
      return;
    }
    const merged = old.ids.map((id, i) => (id < 0 ? young.ids[i]! : id));
    for (const [i, id] of young.ids.entries()) if (id >= 0 && merged[i] !== id) join(merged[i]!, id);
    if (old.axes.length === before.axes.length && merged.every((id, i) => id === before.ids[i])) return;
    lanes.set(name, { ...old, ids: merged });
    wake(name);
  };
  const narrow = ({ axes, sizes, ids }: Lanes, wanted: readonly number[]): Lanes | string => {
    if (axes.every((axis) => wanted.includes(axis))) return { axes, sizes, ids };
    const kept = axes.flatMap((axis, i) => (wanted.includes(axis) ? [i] : []));
    const lengths = kept.map((i) => sizes[i]!);
    const result = new Int32Array(lengths.reduce((product, size) => product * size, 1)).fill(-2);
    const strides = sizes.map((_, i) => sizes.slice(i + 1).reduce((product, size) => product * size, 1));
    for (const [at, id] of ids.entries()) {
      const to = kept.reduce((sum, i) => sum * sizes[i]! + (Math.floor(at / strides[i]!) % sizes[i]!), 0);
      const known = result[to]!;
      if (known === -2) result[to] = id;
      else if (known < 0 !== id < 0) return 'only some positions of a channel are concerned';
      else if (id >= 0) join(known, id);
    }
    return { axes: kept.map((i) => axes[i]!), sizes: lengths, ids: result };
  };

  for (let id = 0; id < first.ids.length; id++) parents.push(id);
  give(start, { ...first, ids: first.ids.map((_, i) => i) });
  for (const node of queue) {
    queue.delete(node);
    if (refusal) return refusal;
    if (borders.has(node)) continue;
    const given: [string, Lanes][] = [];
    const taken: (readonly [string, Part])[] = [];
    const why = ruleOf(node)({
      node,
      survey,
      clip,
      mixed,
      lanesOf: (name) => lanes.get(name),
      give: (name, each) => void given.push([name, each]),
      narrow,
      part: (part) => void taken.push([`${part.input} ${node.name} ${node.outputs.join()} ${part.power}`, { ...part, node }]),
      clipped: (part) => void clips.set(node, { ...part, node }),
      choose: (candidates) => choose(node, candidates),
    });
    if (why !== undefined && borders.size >= mostBorders) return why;
    if (why !== undefined) {
      borders.set(node, why);
      continue;
    }
    for (const [key, part] of taken) parts.set(key, part);
    for (const [name, each] of given) give(name, each);
  }
  if (refusal) return refusal;
  if (borders.size === 0 && ![...parts.values()].some(({ power }) => power === -1)) return 'nothing gives its channels';

  const numbers = new Map<number, number>();
  const numbered = (ids: Int32Array) =>
    ids.map((id) => {
      if (id < 0) return -1;
      const root = find(id);
      const number = numbers.get(root) ?? numbers.size;
      numbers.set(root, number);
      return number;
    });
  const renumbered = new Map([...lanes].map(([name, each]) => [name, { ...each, ids: numbered(each.ids) }]));
  const all = [...parts.values()].map((part) => ({ ...part, ids: numbered(part.ids) }));
  return {
    channels: numbers.size,
    parts: all,
    borders: [...borders.keys()].flatMap((node) => bordersOf(node, lanes)),
    clips: [...clips.values()].map((each) => ({ ...each, lanes: { ...each.lanes, ids: numbered(each.lanes.ids) } })),
    lanes: renumbered,
  };
}

function bordersOf(node: Node, lanes: ReadonlyMap<string, Lanes>): Border[] {
  const at = (names: readonly string[], gives: boolean) =>
    [...new Set(names)].flatMap((value) => (lanes.has(value) ? [{ node, value, gives }] : []));
  return [...at(node.inputs, false), ...at(node.outputs, true)];
}
