import { TersorError } from '../core/error.ts';
import type { Format } from '../core/format.ts';
import type { Model } from '../core/model.ts';
import { gguf } from '../formats/gguf/gguf.ts';
import { onnx } from '../formats/onnx/onnx.ts';
import { safetensors } from '../formats/safetensors/safetensors.ts';
import { beside, isPacked } from '../io/node-paths.ts';
import { openFolder, openNodeStore } from '../io/node-store.ts';
import { openTemporaryFolder } from '../io/node-temporary.ts';

const FORMATS: readonly Format[] = [onnx, safetensors, gguf];

/** A model on disk: its header is read, its weights are not. */
export interface Opened {
  readonly path: string;
  /** The file that a runtime loads: the same, or what was in the container. */
  readonly stock: string;
  readonly format: Format;
  readonly model: Model;
  /** All files together. */
  readonly bytes: number;
  /** The paths of all its files. */
  readonly files: readonly string[];
  close(): Promise<void>;
}

/** Undefined for names of no format. */
export function formatNamed(path: string): Format | undefined {
  return FORMATS.find(({ extensions }) => extensions.some((extension) => path.toLowerCase().endsWith(extension)));
}

/** The format that a file is in by its name. @throws FILE_UNSUPPORTED */
export function formatOf(path: string): Format {
  const format = formatNamed(path);
  if (format) return format;
  const known = FORMATS.flatMap(({ extensions }) => extensions).join(', ');
  throw new TersorError('FILE_UNSUPPORTED', path, 'is in no format that tersor knows by its name', `it reads ${known}`);
}

/** @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED; of a container FILE_WRITE, too */
export async function openModel(path: string): Promise<Opened> {
  return isPacked(path) ? openPackedModel(path) : openStock(path);
}

/** What is in a container is unpacked where the system keeps such files, until it is closed. */
async function openPackedModel(path: string): Promise<Opened> {
  const { openPacked } = await import('./unpack-file.ts');
  const [{ store, name }, folder] = [await openFolder(path), await openTemporaryFolder()];
  const output = openNodeStore(folder.path);
  try {
    const source = await store.open(name);
    const file = await openPacked(path, source);
    const sink = await output.create(file.name);
    await file.read((bytes) => sink.write(bytes));
    await output.commit();
    const opened = await openStock(`${folder.path}/${file.name}`);
    const close = () => opened.close().finally(folder.remove);
    return { ...opened, path, bytes: source.size, files: [path], close };
  } catch (error) {
    await output.discard();
    await folder.remove();
    throw error;
  } finally {
    await output.close();
    await store.close();
  }
}

async function openStock(path: string): Promise<Opened> {
  const format = formatOf(path);
  const { store, name } = await openFolder(path);
  try {
    const model = await format.open(store, name);
    const files = model.meta.files ?? [];
    return {
      path,
      stock: path,
      format,
      model,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      files: files.map((file) => beside(path, file.name)),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
