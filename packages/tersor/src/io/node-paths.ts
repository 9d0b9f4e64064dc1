import { basename, dirname, extname, join, resolve } from 'node:path';

/** Where a result goes unless told: `models/minilm.onnx` → `minilm.min.onnx`, in the current folder. */
export function minName(input: string): string {
  const extension = extname(input);
  return `${basename(input, extension)}.min${extension}`;
}

/** The same for a folder: `models/v1.5` → `v1.5.min`, and `.` by its real name. */
export function minFolderName(input: string): string {
  return `${basename(resolve(input))}.min`;
}

/** A file in the folder of another one. */
export function beside(path: string, name: string): string {
  return join(dirname(path), name);
}

/** Where a packed file goes unless told: `models/minilm.onnx` → `minilm.onnx.tsr`, in the current folder. */
export function packedName(input: string): string {
  return `${basename(input)}.tsr`;
}
