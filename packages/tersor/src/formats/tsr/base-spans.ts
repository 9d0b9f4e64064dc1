import type { Extent, StreamPlan } from './plan-streams.ts';

/** Bytes of a stream, and where in the base those lie that they resemble; absent: nowhere. */
export interface Span {
  readonly bytes: number;
  readonly at?: number;
}

/** Parts of a file, in order. */
type Between = readonly { readonly offset: number; readonly bytes: number }[];

/**
 * Which weight of the base each weight resembles: one of the same name, of the same bytes, with a name that ends alike, or of the same type and size in the same
 * order. Types are equal, and rows; a weight that has grown resembles the shorter one as far as that goes. A wrong guess costs bytes, nothing else.
 * @param digest  of a weight's bytes, of this file or of the base
 */
export async function matchExtents(
  own: readonly Extent[],
  base: readonly Extent[],
  digest: (extent: Extent, of: 'own' | 'base') => Promise<string>,
): Promise<Map<Extent, Extent>> {
  const found = new Map<Extent, Extent>();
  const free = new Set(base);
  const take = (extent: Extent, like: Extent | undefined) => {
    if (!like) return;
    found.set(extent, like);
    free.delete(like);
  };
  const left = () => own.filter((extent) => !found.has(extent));
  const byName = new Map(base.map((extent) => [`${kindOf(extent)} ${extent.name}`, extent]));
  for (const extent of own) take(extent, byName.get(`${kindOf(extent)} ${extent.name}`));
  await matchDigests(left(), free, digest, take);
  for (const extent of left()) {
    const alike = [...free].filter((other) => sizeOf(other) === sizeOf(extent) && endAlike(other.name, extent.name));
    if (alike.length === 1) take(extent, alike[0]);
  }
  for (const size of new Set(left().map(sizeOf))) {
    const [some, others] = [left().filter((each) => sizeOf(each) === size), [...free].filter((each) => sizeOf(each) === size)];
    if (some.length === others.length) for (const [i, extent] of some.entries()) take(extent, others[i]);
  }
  return found;
}

async function matchDigests(
  own: readonly Extent[],
  free: ReadonlySet<Extent>,
  digest: (extent: Extent, of: 'own' | 'base') => Promise<string>,
  take: (extent: Extent, like: Extent | undefined) => void,
): Promise<void> {
  const sizes = new Set([...free].map(sizeOf));
  const asked = own.filter((extent) => sizes.has(sizeOf(extent)));
  if (asked.length === 0) return;
  const wanted = new Set(asked.map(sizeOf));
  const byDigest = new Map<string, Extent>();
  for (const extent of [...free].filter((each) => wanted.has(sizeOf(each)))) byDigest.set(await digest(extent, 'base'), extent);
  for (const extent of asked) take(extent, byDigest.get(await digest(extent, 'own')));
}

function kindOf({ type, columns }: Extent): string {
  return `${type} ${columns}`;
}

function sizeOf(extent: Extent): string {
  return `${kindOf(extent)} ${extent.bytes}`;
}

function endAlike(a: string, b: string): boolean {
  return a.endsWith(`.${b}`) || b.endsWith(`.${a}`);
}

/**
 * For each part of a stream, in order, what of the base it resembles. What lies between weights resembles what does so in the base.
 * @param likes  by where a weight begins
 */
export function spansOf(stream: StreamPlan, isBetween: boolean, likes: ReadonlyMap<number, Extent>, between: Between): Span[] {
  if (isBetween) return cut(between, stream.bytes);
  return stream.parts.flatMap(({ offset, bytes }): Span[] => {
    const like = likes.get(offset);
    if (!like) return [{ bytes }];
    const shared = Math.min(bytes, like.bytes);
    return [{ bytes: shared, at: like.offset }, ...(shared < bytes ? [{ bytes: bytes - shared }] : [])];
  });
}

function cut(parts: Between, most: number): Span[] {
  const spans: Span[] = [];
  let left = most;
  for (const { offset, bytes } of parts) {
    if (left === 0) break;
    const length = Math.min(left, bytes);
    spans.push({ bytes: length, at: offset });
    left -= length;
  }
  return spans;
}
