import { TersorError } from '../core/error.ts';
import { isFolder, namesIn } from '../io/node-folder.ts';

/** What a folder's checkpoint is called, the best first. */
const MAIN = [
  /^model\.safetensors\.index\.json$/,
  /^model\.safetensors$/,
  /\.safetensors\.index\.json$/,
  /\.safetensors$/,
  /\.gguf$/,
  /\.onnx$/,
];

/** A model's file: the path itself, or the checkpoint of a folder. @throws FILE_MISSING, USAGE when a folder holds several */
export async function findSource(path: string): Promise<string> {
  if (!(await isFolder(path))) return path;
  const files = await namesIn(path);
  for (const pattern of MAIN) {
    const [name, ...others] = files.filter((file) => pattern.test(file));
    if (name === undefined) continue;
    if (others.length > 0)
      throw new TersorError('USAGE', path, `holds ${name} and ${others.length} more of its kind`, 'name the one that is meant');
    return `${path.replace(/[/\\]+$/, '')}/${name}`;
  }
  throw new TersorError('FILE_MISSING', path, 'holds no model', 'it takes .safetensors, .gguf or .onnx');
}
