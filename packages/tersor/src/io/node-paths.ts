import { basename, extname } from 'node:path';

/** Where a result goes unless told: `models/minilm.onnx` → `minilm.min.onnx`, in the current folder. */
export function minName(input: string): string {
  const extension = extname(input);
  return `${basename(input, extension)}.min${extension}`;
}
