import type {
  Asked,
  AskedOfFolder,
  AskedToCheck,
  AskedToCheckFolder,
  AskedToCompare,
  AskedToConvert,
  AskedToSense,
} from '../core/asked.ts';
import type { Conversion } from '../core/conversion.ts';
import type { Cost } from '../core/cost.ts';
import type { DeviceProfile } from '../core/device.ts';
import type { FolderCheck, FolderReport } from '../core/folder-report.ts';
import type { Importances } from '../core/importances.ts';
import type { FolderInspection, Inspection } from '../core/inspection.ts';
import type { AskedForPrefix, AskedToPack, AskedToUnpack, PackReport, PrefixReport, UnpackReport } from '../core/packing.ts';
import type { Check, Comparison, Report } from '../core/report.ts';
import type { Sensitivity } from '../core/sensitivity.ts';
import type { AskedCost } from '../cost.ts';
import type { AskedToMeasure } from '../measure-device.ts';

/** What the command line asks of the library, so that tests can answer in its place. */
export interface Library {
  compress(input: string, asked?: Asked): Promise<Report>;
  plan(input: string, asked?: Asked): Promise<Report>;
  inspect(input: string): Promise<Inspection>;
  compressFolder(folder: string, asked?: AskedOfFolder): Promise<FolderReport>;
  planFolder(folder: string, asked?: AskedOfFolder): Promise<FolderReport>;
  inspectFolder(folder: string): Promise<FolderInspection>;
  cost(input: string, asked?: AskedCost): Promise<Cost>;
  measureDevice(asked?: AskedToMeasure): Promise<DeviceProfile>;
  compare(a: string, b: string, asked?: AskedToCompare): Promise<Comparison>;
  convert(input: string, asked: AskedToConvert): Promise<Conversion>;
  sensitivity(input: string, asked?: AskedToSense): Promise<Sensitivity>;
  readImatrix(paths: readonly string[]): Promise<Importances>;
  imatrixBytes(importances: Importances, form: 'gguf' | 'dat'): Promise<Uint8Array>;
  pack(input: string, asked?: AskedToPack): Promise<PackReport>;
  prefix(input: string, asked: AskedForPrefix): Promise<PrefixReport>;
  unpack(input: string, asked?: AskedToUnpack): Promise<UnpackReport>;
  check(report: unknown, path: string, asked?: AskedToCheck): Promise<Check>;
  checkFolder(report: unknown, folder: string, asked?: AskedToCheckFolder): Promise<FolderCheck>;
}

/** The real one; what a command does not use is not loaded. */
export const LIBRARY: Library = {
  compress: async (input, asked) => (await import('../compress.ts')).compress(input, asked),
  plan: async (input, asked) => (await import('../compress.ts')).plan(input, asked),
  inspect: async (input) => (await import('../inspect.ts')).inspect(input),
  compressFolder: async (folder, asked) => (await import('../compress-folder.ts')).compressFolder(folder, asked),
  planFolder: async (folder, asked) => (await import('../compress-folder.ts')).planFolder(folder, asked),
  inspectFolder: async (folder) => (await import('../inspect-folder.ts')).inspectFolder(folder),
  cost: async (input, asked) => (await import('../cost.ts')).cost(input, asked),
  measureDevice: async (asked) => (await import('../measure-device.ts')).measureDevice(asked),
  compare: async (a, b, asked) => (await import('../compare.ts')).compare(a, b, asked),
  convert: async (input, asked) => (await import('../convert.ts')).convert(input, asked),
  sensitivity: async (input, asked) => (await import('../sensitivity.ts')).sensitivity(input, asked),
  readImatrix: async (paths) => (await import('../imatrix.ts')).readImatrix(paths),
  imatrixBytes: async (importances, form) => (await import('../imatrix.ts')).imatrixBytes(importances, form),
  pack: async (input, asked) => (await import('../pack.ts')).pack(input, asked),
  prefix: async (input, asked) => (await import('../prefix.ts')).prefix(input, asked),
  unpack: async (input, asked) => (await import('../unpack.ts')).unpack(input, asked),
  check: async (report, path, asked) => (await import('../check.ts')).check(report, path, asked),
  checkFolder: async (report, folder, asked) => (await import('../check-folder.ts')).checkFolder(report, folder, asked),
};
