import { isFolder } from '../../io/node-folder.ts';
import { checkModel } from '../check-model.ts';
import { DONE } from '../exit-status.ts';
import { folderInspectionScreen } from '../screens/folder-inspection-screen.ts';
import { inspectionScreen } from '../screens/inspection-screen.ts';
import type { Shell } from '../shell.ts';

export interface InspectFlags {
  readonly weights?: boolean;
  readonly json?: boolean;
}

export async function inspectCommand(
  model: string,
  { weights = false, json = false }: InspectFlags,
  { out, library }: Shell,
): Promise<number> {
  await checkModel(model);
  if (await isFolder(model)) {
    const inspection = await library.inspectFolder(model);
    out.write(json ? `${JSON.stringify(inspection, null, 2)}\n` : folderInspectionScreen(inspection, out));
    return DONE;
  }
  const inspection = await library.inspect(model);
  out.write(json ? `${JSON.stringify(inspection, null, 2)}\n` : inspectionScreen(inspection, out, weights));
  return DONE;
}
