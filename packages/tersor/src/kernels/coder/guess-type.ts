import type { Elements } from '../../core/kernels.ts';
import { countAll } from './choose-classes.ts';
import type { CodingLoops } from './coding.ts';
import { singleClass } from './merge-groups.ts';

export type ElementType = Pick<Elements, 'width' | 'turned'>;

/** What weights are stored as, where nobody says so: data beside an ONNX model, files of other programs. */
const TYPES: readonly ElementType[] = [
  { width: 2, turned: true },
  { width: 4, turned: true },
  { width: 8, turned: true },
  { width: 4, turned: false },
];
/** A look at so many bytes of the middle tells. */
const SAMPLE_BYTES = 65536;
const FEWEST_BYTES = 4096;
/** What elements must save against bytes in the sample. */
const WORTH = 0.97;

/** The type of the elements that plain bytes seem to be; undefined when they are best taken for bytes. */
export function guessType(loops: CodingLoops, bytes: Uint8Array): ElementType | undefined {
  if (bytes.length < FEWEST_BYTES) return undefined;
  const start = Math.floor(Math.max(0, bytes.length - SAMPLE_BYTES) / 16) * 8;
  const sample = bytes.slice(start, start + Math.floor(Math.min(SAMPLE_BYTES, bytes.length - start) / 8) * 8);
  let best: ElementType | undefined;
  let least = WORTH * costOf(loops, [sample]);
  for (const type of TYPES) {
    if (bytes.length % type.width !== 0) continue;
    const cost = costOf(loops, loops.splitPlanes(sample, type.width, type.turned));
    if (cost < least) [best, least] = [type, cost];
  }
  return best;
}

function costOf(loops: CodingLoops, planes: readonly Uint8Array[]): number {
  return planes.reduce((sum, plane) => sum + Math.min(plane.length, singleClass(countAll(loops, plane)).bytes), 0);
}
