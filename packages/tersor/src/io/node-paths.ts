import { basename, dirname, extname, join } from 'node:path';

/** Where a result goes unless told: `models/minilm.onnx` → `minilm.min.onnx`, in the current folder. */
export function minName(input: string): string {
  const extension = extname(input);
  return `${basename(input, extension)}.min${extension}`;
}

/** A file in the folder of another one. */
export function beside(path: string, name: string): string {
  return join(dirname(path), name);
}
