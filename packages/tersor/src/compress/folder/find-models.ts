import { TersorError } from '../../core/error.ts';
import type { FolderFile } from '../../core/folder-report.ts';
import type { ValueInfo } from '../../core/graph.ts';
import { listFolder } from '../../io/node-folder.ts';
import { openModel } from '../open-model.ts';
import { placeOf } from './names.ts';
import { precisionOf } from './precision.ts';

/** A model of a folder: the most precise file of it. Names are inside the folder, with slashes. */
export interface FoundModel {
  readonly name: string;
  /** The name without precision and extension: `onnx/decoder_model_merged`. */
  readonly base: string;
  /** All files together. */
  readonly bytes: number;
  /** The model's own file and its external data. */
  readonly files: readonly string[];
  /** The same model in less precision. */
  readonly variants: readonly string[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface FoundFolder {
  readonly path: string;
  readonly models: readonly FoundModel[];
  /** Every other file, and whether a result carries it along. */
  readonly files: readonly FolderFile[];
}

interface Header extends Omit<FoundModel, 'variants'> {
  readonly rank: number;
  /** Names of what goes in and out: what another precision has in common. */
  readonly ends: string;
}

/** The same weights for other frameworks. */
const OTHER_WEIGHTS = /\.(safetensors|pt|pth|h5|msgpack|ot|gguf|ckpt|tflite)$|(^|\/)(pytorch_model[^/]*\.bin|openvino_[^/]*\.(bin|xml))$/i;

/**
 * What is in a folder: its models, each once, and what lies with them. Headers are read, no weights.
 * @throws FILE_MISSING, FILE_LIMIT, FILE_CORRUPT and FILE_UNSUPPORTED naming the model; FILE_MISSING when there is no model
 */
export async function findModels(path: string): Promise<FoundFolder> {
  const { files, leftOut } = await listFolder(path);
  const named = files.filter(({ name }) => /\.onnx$/i.test(name));
  if (named.length === 0)
    throw new TersorError('FILE_MISSING', path, 'holds no models', 'tersor reads .onnx; export the models first, or name another folder');
  const headers: Header[] = [];
  for (const { name } of named) headers.push(await readHeader(path, name));
  const models = gather(headers);
  const taken = new Map<string, string>([
    ...headers.flatMap((header) => header.files.map((file): [string, string] => [file, `less precise than ${sourceOf(header, models)}`])),
    ...models.flatMap((model) => model.files.map((file): [string, string] => [file, ''])),
  ]);
  const others = files
    .filter(({ name }) => taken.get(name) !== '')
    .map((file): FolderFile => {
      const why = taken.get(file.name) ?? (OTHER_WEIGHTS.test(file.name) ? 'weights for other frameworks' : undefined);
      return why === undefined ? { ...file, status: 'carried' } : { ...file, status: 'left-out', why };
    });
  return { path, models, files: [...others, ...leftOut] };
}

async function readHeader(folder: string, name: string): Promise<Header> {
  const opened = await namingModel(name, () => openModel(`${folder}/${name}`));
  try {
    const place = placeOf(name);
    const { graph, meta } = opened.model;
    const { inputs = [], outputs = [] } = graph ?? {};
    return {
      name,
      ...precisionOf(name),
      bytes: opened.bytes,
      files: (meta.files ?? []).map((file) => place + file.name),
      inputs,
      outputs,
      ends: JSON.stringify([inputs, outputs].map((values) => values.map((value) => value.name).sort())),
    };
  } finally {
    await opened.close();
  }
}

/** Files whose names differ by precision alone, and whose inputs and outputs are called alike, are one model. */
function gather(headers: readonly Header[]): FoundModel[] {
  const groups = new Map<string, Header[]>();
  for (const header of headers) {
    const key = `${header.base}\n${header.ends}`;
    groups.set(key, [...(groups.get(key) ?? []), header]);
  }
  return [...groups.values()].flatMap((group) => {
    const [source, ...others] = group.toSorted((a, b) => a.rank - b.rank || b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
    if (!source) return [];
    const { name, base, bytes, files, inputs, outputs } = source;
    return { name, base, bytes, files, inputs, outputs, variants: others.map((other) => other.name) };
  });
}

function sourceOf({ name }: Header, models: readonly FoundModel[]): string {
  return models.find(({ variants }) => variants.includes(name))?.name ?? name;
}

/** Errors say which model of the folder they are about. */
export async function namingModel<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TersorError) || error.code === 'INTERRUPTED') throw error;
    const where = error.where.endsWith(name) || name.endsWith(error.where) ? name : `${name}: ${error.where}`;
    throw new TersorError(error.code, where, error.what, error.hint, { cause: error });
  }
}
