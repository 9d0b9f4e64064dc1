import type { FrontPoint } from '../core/report.ts';

/** The points of which none is both smaller and better than another, the smallest first; the one of `chosen` bytes is marked. */
export function paretoFront(points: readonly Pick<FrontPoint, 'bytes' | 'drop'>[], chosen: number): FrontPoint[] {
  const front: FrontPoint[] = [];
  for (const { bytes, drop } of points.toSorted((a, b) => a.bytes - b.bytes || a.drop - b.drop)) {
    const last = front.at(-1);
    if (last === undefined || (drop < last.drop && bytes > last.bytes)) front.push({ bytes, drop, chosen: bytes === chosen });
  }
  return front;
}
