import { basename } from 'node:path';
import type { Cost } from '../../core/cost.ts';
import { TersorError } from '../../core/error.ts';
import type { AskedShapes } from '../../cost/bind-shapes.ts';
import type { AskedCost } from '../../cost.ts';
import { isFolder } from '../../io/node-folder.ts';
import { costPage } from '../../report/cost-page.ts';
import { checkModel } from '../check-model.ts';
import { DONE } from '../exit-status.ts';
import { loadDevice } from '../load-device.ts';
import { checkFreeFile, jsonText, saveText } from '../save-file.ts';
import { costScreen } from '../screens/cost-screen.ts';
import { folderInspectionScreen } from '../screens/folder-inspection-screen.ts';
import { inspectionScreen } from '../screens/inspection-screen.ts';
import { modelLine } from '../screens/model-line.ts';
import type { Shell } from '../shell.ts';

export interface InspectFlags {
  readonly weights?: boolean;
  readonly cost?: boolean;
  readonly shape?: AskedShapes;
  readonly device?: string;
  readonly trace?: boolean;
  readonly report?: readonly string[];
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Whatever is asked about costs asks for them. */
export async function inspectCommand(model: string, flags: InspectFlags, shell: Shell): Promise<number> {
  const { weights = false, json = false, shape, device, trace = false, report = [], force = false } = flags;
  const { out, library } = shell;
  await checkModel(model);
  const wanted = flags.cost === true || shape !== undefined || device !== undefined || trace || report.length > 0;
  if (await isFolder(model)) {
    if (wanted) throw new TersorError('USAGE', model, 'is a folder, and costs are of one model', 'name one of its models');
    const inspection = await library.inspectFolder(model);
    out.write(json ? jsonText(inspection) : folderInspectionScreen(inspection, out));
    return DONE;
  }
  const savings = report.map((path) => ({ flag: '--report', path }));
  for (const saving of savings) await checkFreeFile(saving, force);
  const inspection = await library.inspect(model);
  const cost = wanted ? await costOf(model, { shape, device, trace }, shell) : undefined;
  if (cost) {
    const data = { ...inspection, cost };
    for (const saving of savings)
      await saveText(saving, /\.html$/i.test(saving.path) ? costPage(cost, basename(model)) : jsonText(data), force);
  }
  if (json) out.write(jsonText(cost ? { ...inspection, cost } : inspection));
  else if (cost && !weights) out.write(modelLine(inspection, out) + costScreen(cost, out));
  else out.write(inspectionScreen(inspection, out, weights) + (cost ? `\n${costScreen(cost, out)}` : ''));
  return DONE;
}

type CostFlags = { readonly [K in 'shape' | 'device' | 'trace']: InspectFlags[K] | undefined };

async function costOf(model: string, { shape, device, trace = false }: CostFlags, { library, interruptible }: Shell): Promise<Cost> {
  const profile = device === undefined ? undefined : await loadDevice(device);
  const asked: AskedCost = { trace, ...(shape && { shapes: shape }), ...(profile && { device: profile }) };
  return interruptible(({ signal }) => library.cost(model, { ...asked, signal }));
}
