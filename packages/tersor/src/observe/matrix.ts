/** A value of the graph that is a matrix for each group: `[groups, rows, columns]`, or `[groups, columns, rows]` where columns come first. */
export interface Matrix {
  readonly name: string;
  readonly columnsFirst: boolean;
}

/** The axis of the rows. */
export function rowAxis({ columnsFirst }: Matrix): number {
  return columnsFirst ? 2 : 1;
}
