import type { Highs } from 'highs';
import type { Program, Solve } from '../core/program.ts';

/** Limits are stated in thousandths of what there is, far above the solver's tolerances of about a millionth. */
const SCALE = 1000;

/** How far from the optimum a solution may be, as a share of it; of many layers the last digits are noise, and proving them takes most of the time. */
const GAP = { few: 1e-6, many: 3e-4 } as const;
const FEW_GROUPS = 20;

/** An optimum so much smaller than the scale it was found on is looked for again on its own. */
const COARSE = 1e-2;

/** Heuristics look for a first solution, which these programs have many of: a search without them is ten times as fast. */
const SETTINGS = { output_flag: false, mip_heuristic_effort: 0, mip_max_nodes: 5000 } as const;

/** Where that search finds none, and does not prove that there is none. */
const PATIENT = { output_flag: false, time_limit: 20 } as const;

/**
 * Programs solved as mixed-integer linear programs by HiGHS.
 * Source: Huangfu and Hall 2018, Parallelizing the dual revised simplex method; https://highs.dev
 */
export async function openSolver(): Promise<Solve> {
  const { default: load } = await import('highs');
  // What is imported is the function itself; its types describe a CommonJS module around it.
  const highs = await (load as unknown as typeof load.default)();
  return async (program) => solve(highs, program);
}

/** A table without what every choice of a group costs, and what those costs sum up to. */
interface Reduced {
  readonly rows: readonly (readonly number[])[];
  readonly least: number;
}

function solve(highs: Highs, { cost, limits }: Program): number[] | undefined {
  const objective = reduce(cost);
  const reduced = limits.map(({ use, most }) => {
    const { rows, least } = reduce(use);
    return { rows, room: most - least };
  });
  if (reduced.some(({ room }) => room < 0)) return undefined;
  if (cost.length === 0) return [];
  const open = cost.map((row, g) => row.map((_, c) => reduced.every(({ rows, room }) => rows[g]![c]! <= room)));
  if (open.some((row) => !row.includes(true))) return undefined;

  let scale = Math.max(...objective.rows.flat());
  for (let best: number[] | undefined; ; ) {
    const found = optimum(highs, objective.rows, reduced, open, scale);
    if (!found) return best;
    const value = found.reduce((sum, choice, group) => sum + objective.rows[group]![choice]!, 0);
    if (value === 0 || value > scale * COARSE) return found;
    best = found;
    scale = value;
    for (const [g, row] of open.entries()) for (const [c] of row.entries()) row[c] &&= objective.rows[g]![c]! <= value;
  }
}

function optimum(
  highs: Highs,
  objective: Reduced['rows'],
  limits: readonly { readonly rows: Reduced['rows']; readonly room: number }[],
  open: readonly (readonly boolean[])[],
  scale: number,
): number[] | undefined {
  const sum = (rows: Reduced['rows'], unit: number) =>
    open.flatMap((row, g) =>
      row.flatMap((isOpen, c) => (isOpen && rows[g]![c]! > 0 ? [`${number((rows[g]![c]! / unit) * SCALE)} ${name(g, c)}`] : [])),
    );
  const cost = sum(objective, scale || 1);
  if (cost.length === 0) cost.push(`0 ${name(0, open[0]!.indexOf(true))}`);
  const lines = limits.flatMap(({ rows, room }) => {
    const terms = room > 0 ? sum(rows, room) : [];
    return terms.length > 0 ? [`${terms.join('\n + ')} <= ${SCALE}`] : [];
  });
  const names = open.map((row, g) => row.flatMap((isOpen, c) => (isOpen ? [name(g, c)] : [])));
  const text = [
    'Minimize',
    cost.join('\n + '),
    'Subject To',
    ...lines,
    ...names.map((group) => `${group.join('\n + ')} = 1`),
    'Binary',
    ...names.flat(),
    'End',
  ].join('\n');
  const gap = { mip_rel_gap: open.length > FEW_GROUPS ? GAP.many : GAP.few };
  for (const settings of [SETTINGS, PATIENT]) {
    const { Columns: columns, Status: status } = highs.solve(text, { ...settings, ...gap });
    const chosen = open.map((row, g) => row.findIndex((isOpen, c) => isOpen && isTaken(columns[name(g, c)])));
    if (!chosen.includes(-1)) return chosen;
    if (status === 'Infeasible') break;
  }
  return undefined;
}

/** Programs that cannot be solved have columns without values. */
function isTaken(column: object | undefined): boolean {
  return column !== undefined && 'Primal' in column && typeof column.Primal === 'number' && column.Primal > 0.5;
}

function reduce(rows: readonly (readonly number[])[]): Reduced {
  const least = rows.map((row) => Math.min(...row));
  return { rows: rows.map((row, g) => row.map((value) => value - least[g]!)), least: least.reduce((sum, value) => sum + value, 0) };
}

function name(group: number, choice: number): string {
  return `x${group}_${choice}`;
}

function number(value: number): string {
  return value.toPrecision(12);
}
