import { findModels } from './compress/folder/find-models.ts';
import type { FolderInspection } from './core/inspection.ts';
import { inspect } from './inspect.ts';

/**
 * What is inside a folder of models, each one as `inspect` sees it. Reads headers, no weights.
 *
 * @throws {TersorError} FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED
 */
export async function inspectFolder(folder: string): Promise<FolderInspection> {
  const { path, models, files } = await findModels(folder);
  const inspected: FolderInspection['models'][number][] = [];
  for (const { name, variants } of models) inspected.push({ name, variants, inspection: await inspect(`${path}/${name}`) });
  return { path, bytes: inspected.reduce((sum, { inspection }) => sum + inspection.bytes, 0), models: inspected, files };
}
