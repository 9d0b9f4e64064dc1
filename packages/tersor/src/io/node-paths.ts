import { basename, dirname, extname, join, resolve } from 'node:path';

const ENDING = '.tsr';
/** How the names of models in several files end: of a part, and of an index. */
const SEVERAL = /-\d{5}(-of-\d{5}\.gguf)$|(\.safetensors\.index\.json)$/i;

/**
 * Where a result goes unless told, in the current folder: `models/minilm.onnx` → `minilm.min.onnx`, `llama-00002-of-00003.gguf` → `llama.min-00001-of-00003.gguf`.
 * @param files  of the input: one that only has the name of a part is whole
 */
export function minName(input: string, files = Number.POSITIVE_INFINITY): string {
  const [ending = extname(input), others, index] = (files > 1 && SEVERAL.exec(input)) || [];
  const extension = others === undefined ? (index ?? ending) : `-00001${others}`;
  return `${basename(input, ending)}.min${extension}`;
}

/** The same for a folder: `models/v1.5` → `v1.5.min`, and `.` by its real name. */
export function minFolderName(input: string): string {
  return `${basename(resolve(input))}.min`;
}

/** Without its folder. */
export function nameOf(path: string): string {
  return basename(path);
}

/** A file in the folder of another one. */
export function beside(path: string, name: string): string {
  return join(dirname(path), name);
}

/** Whether a file of this name is an entropy-coded container. */
export function isPacked(path: string): boolean {
  return path.toLowerCase().endsWith(ENDING);
}

/** The name of the file inside one: `out/minilm.onnx.tsr` and `out/minilm.tsr` hold `minilm.onnx`, made of a model of this name. */
export function packedInside(path: string, model: string): string {
  const [name, ending] = [basename(path).slice(0, -ENDING.length), extname(model)];
  return name.toLowerCase().endsWith(ending.toLowerCase()) ? name : `${name}${ending}`;
}

/** Where a packed file goes unless told: `models/minilm.onnx` → `minilm.onnx.tsr`, in the current folder. */
export function packedName(input: string): string {
  return `${basename(input)}${ENDING}`;
}
