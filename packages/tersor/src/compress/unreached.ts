import { eachGraph, type Graph, type Node } from '../core/graph.ts';
import { cheapest, keyOf, type Option } from '../search/candidates.ts';
import type { Question } from '../search/question.ts';
import type { Losses } from './measure-losses.ts';

/** Smaller losses are what is left of rounding where nothing has changed. */
const NOTHING = 1e-11;

type Row = readonly Option[];

/** Layers that no sample comes by, as in a branch that none takes: whatever becomes of them, nothing is lost. */
export function unreachedOf(rows: readonly Row[], losses: Losses): ReadonlySet<Row> {
  const lost = (option: Option) => losses.get(keyOf(option)) ?? Number.POSITIVE_INFINITY;
  return new Set(rows.filter((row) => row.every((option) => !option.steps || lost(option) < NOTHING)));
}

/** What layers lose that samples come by, and of the others what those lose in the middle by the same steps. */
export function withTypicalLosses(rows: readonly Row[], losses: Losses, unreached: ReadonlySet<Row>): Losses {
  const known = new Map<Option['steps'], number[]>();
  for (const row of rows) {
    for (const option of unreached.has(row) ? [] : row) {
      const loss = losses.get(keyOf(option));
      if (loss !== undefined) known.set(option.steps, [...(known.get(option.steps) ?? []), loss]);
    }
  }
  const typical = (steps: Option['steps']) => {
    const sorted = (known.get(steps) ?? []).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  };
  const all = new Map(losses);
  for (const option of [...unreached].flat()) {
    const loss = option.steps && typical(option.steps);
    if (loss !== undefined) all.set(keyOf(option), loss);
  }
  return all;
}

/** What nearly every layer bears. */
const GENTLE_BITS = 8;
/** Of levels; as little is lost. */
const GENTLE_STEP = 0.05;

/** The options of all layers, of those in branches that no sample takes the gentle ones alone; and which those are. */
export async function sparingUnreached(
  graph: Graph | undefined,
  rows: readonly Row[],
  error: Question['error'],
): Promise<{ readonly rows: readonly Row[]; readonly unreached: readonly Row[] }> {
  const unreached: Row[] = [];
  for (const members of graph ? byBranch(graph, rows).values() : []) {
    if (members.flat().every(isGentle)) continue;
    const changed = rows.map((row) => (members.includes(row) ? cheapest(row) : row[0]!));
    if ((await error(changed)) < NOTHING) unreached.push(...members);
  }
  return { rows: rows.map((row) => (unreached.includes(row) ? row.filter(isGentle) : row)), unreached };
}

/** Layers that only a branch uses, by branch. */
function byBranch(graph: Graph, rows: readonly Row[]): Map<string, Row[]> {
  const paths = new Map<Node, string>();
  for (const { graph: inner, path } of eachGraph(graph)) for (const node of inner.nodes) paths.set(node, path);
  const branches = new Map<string, Row[]>();
  for (const row of rows) {
    const [path = '', ...others] = new Set(row[0]!.layer.uses.map(({ node }) => paths.get(node) ?? ''));
    if (path === '' || others.length > 0) continue;
    branches.set(path, [...(branches.get(path) ?? []), row]);
  }
  return branches;
}

function isGentle({ steps, execution, weight: { layout } }: Option): boolean {
  if (steps && layout.kind === 'levels') return steps.every(({ step }) => Number(step ?? 0) <= GENTLE_STEP);
  return !steps || (!execution && (layout.kind !== 'affine' || layout.numeric.bits >= GENTLE_BITS));
}
