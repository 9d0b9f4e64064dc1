import type { AskedOfFolder, AskedToCompare } from '../../core/asked.ts';
import { TersorError } from '../../core/error.ts';
import { nearest } from '../../core/nearest.ts';
import { openData } from '../../data/open-data-node.ts';
import { parsePreprocess } from '../../data/preprocess.ts';
import { namesIn } from '../../io/node-folder.ts';
import type { FoundModel } from './find-models.ts';
import { fileOf, stemOf } from './names.ts';

type Data = NonNullable<AskedToCompare['data']>;

/** Whose inputs are which, by the names of models. */
export interface FolderData {
  readonly of: ReadonlyMap<string, Data>;
  /** Why what was given for all does not fit a model, which is judged on made-up inputs then. */
  readonly unfit: ReadonlyMap<string, string>;
}

/**
 * By name, where the data has entries called like the models (`enc.npz`, `encoder_model/`); otherwise the same for every model that it fits.
 * @throws DATA_INVALID for an entry that was meant for a model and names none, or data that fit no model; FILE_MISSING
 */
export async function dataFor(path: string, models: readonly FoundModel[], asked: AskedOfFolder): Promise<FolderData> {
  const spec = asked.data;
  if (spec === undefined) return { of: new Map(), unfit: new Map() };
  if (typeof spec !== 'string') return { of: assign(models, new Map(Object.entries(spec)), () => true), unfit: new Map() };
  const names = (await namesIn(spec)).filter((name) => !name.startsWith('.'));
  const entries = new Map<string, Data>(names.map((name) => [withoutExtension(name), `${spec}/${name}`]));
  const named = assign(models, entries, (key, found, calls) => found > 0 && nearest(key, calls) !== undefined);
  return named.size > 0 ? { of: named, unfit: new Map() } : forAll(path, models, spec, asked);
}

async function forAll(
  path: string,
  models: readonly FoundModel[],
  spec: string,
  { preprocess, seed, signal }: AskedOfFolder,
): Promise<FolderData> {
  const [of, unfit] = [new Map<string, Data>(), new Map<string, string>()];
  let first: TersorError | undefined;
  for (const { name, inputs, outputs } of models) {
    signal?.throwIfAborted();
    try {
      await openData(spec, inputs, {
        outputs,
        model: `${path}/${name}`,
        samples: 2,
        ...(seed !== undefined && { seed }),
        ...(preprocess !== undefined && { preprocess: parsePreprocess(preprocess) }),
        ...(signal && { signal }),
      });
      of.set(name, spec);
    } catch (error) {
      if (!(error instanceof TersorError) || error.code !== 'DATA_INVALID') throw error;
      first ??= error;
      unfit.set(name, error.what);
    }
  }
  if (of.size === 0 && first) throw first;
  return { of, unfit };
}

/** @param mustMatch  whether an entry that is no model's is a mistake */
function assign(
  models: readonly FoundModel[],
  entries: ReadonlyMap<string, Data>,
  mustMatch: (key: string, found: number, calls: readonly string[]) => boolean,
): Map<string, Data> {
  const found = new Map<string, Data>();
  const left = new Map(entries);
  for (const model of models) {
    const key = callsOf(model).find((call) => entries.has(call));
    const data = key === undefined ? undefined : entries.get(key);
    if (key === undefined || data === undefined) continue;
    found.set(model.name, data);
    left.delete(key);
  }
  const calls = models.flatMap(callsOf);
  const stray = [...left.keys()].find((key) => mustMatch(key, found.size, calls));
  if (stray === undefined) return found;
  const close = nearest(stray, calls);
  const hint = close === undefined ? `its models are ${models.map(({ name }) => name).join(', ')}` : `did you mean "${close}"?`;
  throw new TersorError('DATA_INVALID', `data "${stray}"`, 'no model of the folder is called so', hint);
}

/** How a model may be called, the longest first: `onnx/model_fp16.onnx`, `onnx/model_fp16`, `onnx/model`, `model_fp16`, `model`. */
function callsOf({ name, base }: FoundModel): string[] {
  const stem = stemOf(name);
  return [...new Set([name, stem, base, fileOf(stem), fileOf(base)])];
}

function withoutExtension(name: string): string {
  return name.replace(/\.(npz|txt|jsonl|m?js|cjs|m?ts)$/i, '');
}
