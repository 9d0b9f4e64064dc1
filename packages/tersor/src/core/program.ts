/** Of each group one choice is taken: those that cost least in all, within the limits. */
export interface Program {
  /** `[group][choice]`; groups are never empty. */
  readonly cost: readonly (readonly number[])[];
  readonly limits: readonly Limit[];
}

/** What the choices use up, shaped like the cost, and how much of it there is. */
export interface Limit {
  readonly use: readonly (readonly number[])[];
  readonly most: number;
}

/** The choice of each group; undefined when nothing keeps the limits. */
export type Solve = (program: Program) => Promise<number[] | undefined>;
