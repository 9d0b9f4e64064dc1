import type { Source } from '../core/source.ts';
import { matchExtents, type Span, spansOf } from '../formats/tsr/base-spans.ts';
import type { Extent, StreamsPlan } from '../formats/tsr/plan-streams.ts';
import { openSha256 } from '../io/node-sha256.ts';
import { joinedSource } from './base-files.ts';
import type { BaseFile, OpenedBase } from './open-base.ts';

/** What a file is coded as a difference to. */
export interface BasePlan {
  /** Those that something resembles. */
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: Uint8Array }[];
  /** Of all of them, one behind the other. */
  readonly source: Source;
  /** Of each stream, in order. */
  readonly spans: readonly (readonly Span[])[];
}

const STEP = 2 ** 22;

/** Finds out what of a file resembles what of the base; undefined where nothing does. */
export async function planBase(
  source: Source,
  extents: readonly Extent[],
  { streams }: StreamsPlan,
  base: OpenedBase,
  signal?: AbortSignal,
): Promise<BasePlan | undefined> {
  const fileOf = new Map(base.files.flatMap((file) => file.extents.map((extent) => [extent, file] as const)));
  const digest = (extent: Extent, of: 'own' | 'base') => digestOf(of === 'own' ? source : fileOf.get(extent)!.source, extent, signal);
  const matches = await matchExtents(extents, [...fileOf.keys()], digest);
  const twin = twinOf(base.files, [...matches.values()], fileOf);
  const files = base.files.filter((file) => file === twin || [...matches.values()].some((like) => fileOf.get(like) === file));
  if (files.length === 0) return undefined;
  const starts = new Map<BaseFile, number>();
  let end = 0;
  for (const file of files) {
    starts.set(file, end);
    end += file.source.size;
  }
  const moved = <T extends { readonly offset: number }>(each: T, file: BaseFile): T => ({
    ...each,
    offset: each.offset + (starts.get(file) ?? 0),
  });
  const likes = new Map([...matches].map(([own, like]) => [own.offset, moved(like, fileOf.get(like)!)]));
  const between = (twin?.between ?? []).map((part) => moved(part, twin!));
  const named = await Promise.all(
    files.map(async (file) => ({ name: file.name, bytes: file.source.size, sha256: await file.sha256(signal) })),
  );
  return {
    files: named,
    source: joinedSource(files.map((file) => file.source)),
    spans: streams.map((stream, i) => spansOf(stream, i === 0, likes, between)),
  };
}

/** The file of the base that most weights resemble; what lies between weights is like it, too. */
function twinOf(files: readonly BaseFile[], likes: readonly Extent[], fileOf: ReadonlyMap<Extent, BaseFile>): BaseFile | undefined {
  const countOf = (file: BaseFile) => likes.filter((like) => fileOf.get(like) === file).length;
  return files.reduce<BaseFile | undefined>((best, file) => (best && countOf(best) >= countOf(file) ? best : file), undefined);
}

async function digestOf(source: Source, { offset, bytes }: Extent, signal?: AbortSignal): Promise<string> {
  const hash = openSha256();
  for (let at = 0; at < bytes; at += STEP) {
    signal?.throwIfAborted();
    hash.update(await source.read(offset + at, Math.min(STEP, bytes - at)));
  }
  return Buffer.from(hash.digest()).toString('hex');
}
