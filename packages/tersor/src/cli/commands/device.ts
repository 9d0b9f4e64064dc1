import { readFile } from 'node:fs/promises';
import type { Target } from '../../core/format.ts';
import { defined } from '../defined.ts';
import { DONE } from '../exit-status.ts';
import { DEVICE_SCHEMA, deviceNames, loadDevice } from '../load-device.ts';
import { checkFreeFile, jsonText, saveText } from '../save-file.ts';
import { devicesScreen } from '../screens/devices-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export async function deviceListCommand({ json = false }: { readonly json?: boolean }, { out }: Shell): Promise<number> {
  const devices = Object.fromEntries(await Promise.all((await deviceNames()).map(async (name) => [name, await loadDevice(name)] as const)));
  out.write(json ? jsonText(devices) : devicesScreen(devices, out));
  return DONE;
}

export interface MeasureFlags {
  readonly out?: string;
  readonly name?: string;
  readonly target?: Target;
  readonly force?: boolean;
  readonly quiet?: boolean;
}

export async function deviceMeasureCommand(
  { out, name, target, force = false, quiet = false }: MeasureFlags,
  shell: Shell,
): Promise<number> {
  const saving = out === undefined ? undefined : { flag: '-o', path: out };
  if (saving) await checkFreeFile(saving, force);
  const profile = await withProgress(quiet ? undefined : shell.err, (onProgress) =>
    shell.interruptible(({ signal }) =>
      shell.library.measureDevice({ ...defined({ target, name }), signal, ...(onProgress && { onProgress }) }),
    ),
  );
  if (!saving) {
    shell.out.write(jsonText(profile));
    return DONE;
  }
  await saveText(saving, jsonText(profile), force);
  shell.out.write(devicesScreen({ [saving.path]: profile }, shell.out));
  return DONE;
}

export async function deviceSchemaCommand({ out }: Shell): Promise<number> {
  out.write(await readFile(DEVICE_SCHEMA, 'utf8'));
  return DONE;
}
