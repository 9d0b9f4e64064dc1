import type { ValueId } from '../core/observation.ts';

/** Two runs of one computation that end differently. */
export interface Dispute<D> {
  /** The values that both runs have, in the order of computation. */
  readonly order: readonly ValueId[];
  /** Of those, what a value is computed from directly, or through values that only one run has. */
  readonly parents: ReadonlyMap<ValueId, readonly ValueId[]>;
  /** How far the runs are apart in these values: as many as are asked for at once. */
  measure(ids: readonly ValueId[]): Promise<ReadonlyMap<ValueId, D>>;
  /** Whether that is too far. */
  isFar(apart: D): boolean;
  /** How many values may be asked for at once, besides the one that is followed. */
  most(): number;
}

export interface Cause<D> {
  /** The runs part in this value, and agree in all that it is computed from, as far as both have it. */
  readonly id: ValueId;
  readonly apart: D;
  /** How far they are apart in what it is computed from. */
  readonly before: readonly D[];
  /** False when the runs agree as soon as values before it are looked at. */
  readonly stands: boolean;
  /** Values that were compared. */
  readonly measured: number;
}

/**
 * Where two runs part: a value that differs although its parents agree, among those that `end` depends on. Each round looks at some of the values in
 * question, spread evenly; what lies behind a value that agrees is out of question, and an earlier one that differs takes the place of the one that is
 * followed. So a graph of n values takes about log(n) / log(most) rounds, more where it is wide.
 */
export async function firstApart<D>(dispute: Dispute<D>, end: ValueId, apart: D): Promise<Cause<D>> {
  const position = new Map(dispute.order.map((id, i) => [id, i]));
  const agree = new Map<ValueId, D | undefined>();
  const far = new Map<ValueId, D>();
  let followed = end;
  let distance = apart;
  const cause = (stands: boolean): Cause<D> => ({
    id: followed,
    apart: distance,
    before: (dispute.parents.get(followed) ?? []).flatMap((id) => agree.get(id) ?? []),
    stands,
    measured: agree.size + far.size,
  });
  for (;;) {
    const open = inQuestion(followed, dispute.parents, agree).sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
    const earlier = open.find((id) => far.has(id));
    if (earlier !== undefined) {
      followed = earlier;
      distance = far.get(earlier) ?? distance;
      continue;
    }
    if (open.length === 0) return cause(true);
    const asked = spread(open, Math.max(1, dispute.most()));
    const found = await dispute.measure([...asked, followed]);
    const again = found.get(followed);
    if (again !== undefined && !dispute.isFar(again)) return cause(false);
    for (const id of asked) {
      const each = found.get(id);
      if (each !== undefined && dispute.isFar(each)) far.set(id, each);
      else agree.set(id, each); // against a value that cannot be had nothing is known
    }
  }
}

/** What a value depends on, but for what lies behind values that agree. */
function inQuestion(start: ValueId, parents: Dispute<unknown>['parents'], agree: ReadonlyMap<ValueId, unknown>): ValueId[] {
  const seen = new Set<ValueId>([start]);
  for (const id of seen) for (const parent of parents.get(id) ?? []) if (!agree.has(parent)) seen.add(parent);
  seen.delete(start);
  return [...seen];
}

/** At most `count` of the items, at even distances, the last one included. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.ceil(((i + 1) * items.length) / count) - 1]!);
}
