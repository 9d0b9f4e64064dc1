import type { OperatorCost } from './cost.ts';

/** All operators of one kind together. */
export interface OperatorSum {
  readonly op: string;
  readonly count: number;
  readonly macs: number;
  readonly operations: number;
  readonly weightBytes: number;
  readonly movedBytes: number;
  readonly ms: number;
}

/** What operators of each kind cost together: by time where it is predicted, then by products, then by bytes; the dearest first. */
export function byOperator(operators: readonly OperatorCost[]): OperatorSum[] {
  const sums = new Map<string, OperatorSum>();
  for (const { op, macs, operations, weightBytes, readBytes, writtenBytes, time } of operators) {
    const before = sums.get(op);
    sums.set(op, {
      op,
      count: (before?.count ?? 0) + 1,
      macs: (before?.macs ?? 0) + macs,
      operations: (before?.operations ?? 0) + operations,
      weightBytes: (before?.weightBytes ?? 0) + weightBytes,
      movedBytes: (before?.movedBytes ?? 0) + readBytes + writtenBytes,
      ms: (before?.ms ?? 0) + (time?.ms ?? 0),
    });
  }
  return [...sums.values()].sort((a, b) => b.ms - a.ms || b.macs - a.macs || b.movedBytes - a.movedBytes || (a.op < b.op ? -1 : 1));
}
