import { TersorError } from '../core/error.ts';
import type { Source } from '../core/source.ts';
import { npzExtents } from '../formats/tsr/npz-extents.ts';
import { type Extent, extentsOf, planStreams } from '../formats/tsr/plan-streams.ts';
import { isPacked } from '../io/node-paths.ts';
import { openBaseFile } from './base-files.ts';
import { findSource } from './find-source.ts';
import { openModel } from './open-model.ts';

/** A file that others are differences to, or all files of a model in several. */
export interface OpenedBase {
  readonly files: readonly BaseFile[];
  close(): Promise<void>;
}

export interface BaseFile {
  readonly name: string;
  readonly path: string;
  readonly source: Source;
  readonly extents: readonly Extent[];
  readonly between: readonly { readonly offset: number; readonly bytes: number }[];
  /** Reads all of it. */
  sha256(signal?: AbortSignal): Promise<Uint8Array>;
}

/** @param path  a file, the index of several, or their folder @throws FILE_MISSING, FILE_CORRUPT, USAGE */
export async function openBase(path: string): Promise<OpenedBase> {
  if (isPacked(path)) throw new TersorError('USAGE', path, 'is packed, and no base', 'give the file that was packed: tersor unpack');
  const found = await weightsOf(await findSource(path));
  const stores: (() => Promise<void>)[] = [];
  const files: BaseFile[] = [];
  const close = async () => void (await Promise.all(stores.map((each) => each())));
  try {
    for (const { path: file, extentsIn } of found) {
      const { source, sha256, close: closeFile } = await openBaseFile(file);
      stores.push(closeFile);
      const extents = await extentsIn(source);
      const between = planStreams(extents, source.size).streams[0]?.parts ?? [];
      files.push({ name: source.name, path: file, source, extents, between, sha256 });
    }
    return { files, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Found {
  readonly path: string;
  extentsIn(source: Source): Promise<readonly Extent[]>;
}

/** A file that is no model is a base all the same: of plain bytes. */
async function weightsOf(path: string): Promise<Found[]> {
  if (/\.np[zy]$/i.test(path)) return [{ path, extentsIn: npzExtents }];
  try {
    const { model, files, close } = await openModel(path);
    const parts = files.filter((file) => !file.endsWith('.json'));
    const found = parts.map((file): Found => {
      const name = file.replace(/^.*[/\\]/, '');
      const extents = extentsOf(model, name);
      return { path: file, extentsIn: async () => extents };
    });
    await close();
    return found;
  } catch (error) {
    if (!(error instanceof TersorError) || !error.code.startsWith('FILE_') || error.code === 'FILE_MISSING') throw error;
    return [{ path, extentsIn: async () => [] }];
  }
}
