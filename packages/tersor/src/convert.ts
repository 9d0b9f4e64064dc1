import { applySteps } from './compress/apply.ts';
import { authorshipOf } from './compress/authorship.ts';
import { findSource } from './compress/find-source.ts';
import { formatOf, type Opened, openModel } from './compress/open-model.ts';
import { recipeOf, withRecipe } from './compress/recipe-in-file.ts';
import { startStopwatch } from './compress/stopwatch.ts';
import { FLOAT_TYPES, type FloatType } from './convert/cast.ts';
import { type Checkpoint, checkpointOf } from './convert/checkpoint.ts';
import { type FolderFiles, folderFiles } from './convert/checkpoint-folder.ts';
import type { Converted } from './convert/converted.ts';
import { intoOnnx } from './convert/into-onnx.ts';
import { describedBeside } from './convert/open-source.ts';
import { openPlace, type Place } from './convert/place.ts';
import { toGguf } from './convert/to-gguf.ts';
import { toSafetensors } from './convert/to-safetensors.ts';
import type { AskedToConvert } from './core/asked.ts';
import type { Conversion } from './core/conversion.ts';
import { describe } from './core/describe.ts';
import { TersorError } from './core/error.ts';
import type { Format, Size } from './core/format.ts';
import type { Kernels } from './core/kernels.ts';
import { openMemo } from './core/memo.ts';
import type { Model } from './core/model.ts';
import { bytesText } from './core/text/units.ts';
import { isFolder, namesIn } from './io/node-folder.ts';
import { beside } from './io/node-paths.ts';
import { version } from './io/node-process.ts';
import { isInTheWay, type StageOptions } from './io/node-stage.ts';
import { openNodeStore } from './io/node-store.ts';
import { openKernels } from './kernels/open-kernels.ts';

/** Of what methods compute and ask for again. */
const MOST_REMEMBERED_BYTES = 256e6;

/**
 * Writes the weights of a model in another format. Names, shapes and the order of rows follow the family of the model where the formats differ in them
 * ([architectures/](architectures/)); GGUF gets the metadata and the vocabulary that lie beside a checkpoint. No weight is rounded unless a type is asked for.
 * The result appears whole, or not at all.
 *
 * @param input  path of a model, or of a folder that holds one
 * @throws {TersorError} FILE_* when the input cannot be read, is of a family that is not known, or the output cannot be written; SHAPE and FILE_CORRUPT where
 *   weights and config.json contradict each other; USAGE, OPTION_VALUE; INTERRUPTED after `signal` was aborted
 */
export async function convert(input: string, asked: AskedToConvert): Promise<Conversion> {
  const clock = startStopwatch();
  asked.onProgress?.({ phase: 'read', done: 0, total: 0 });
  const isOfFolder = /[/\\]$/.test(asked.output) || (await isFolder(asked.output));
  const format = isOfFolder ? formatOf('model.safetensors') : formatOf(asked.output);
  const source = await clock.time('read', async () => openModel(await findSource(input)));
  const kernels = await openKernels({ ...(asked.threads !== undefined && { threads: asked.threads }) });
  const target = asked.into === undefined ? undefined : await openModel(asked.into);
  try {
    mustChange(source, target, { format, isOfFolder, asked });
    const inputs = [...source.files, ...(target?.files ?? [])];
    const notes = new Map<string, Conversion['notes'][number]>();
    const note = (about: string, message: string) => void notes.set(`${about}: ${message}`, { about, message });
    const stage = asked.dryRun ? undefined : await stageFor(source, target, format, asked, note);
    const place = asked.dryRun
      ? undefined
      : await openPlace(asked.output, { isFolder: isOfFolder, inputs, force: asked.force === true, ...(stage && { stage }) });
    try {
      const checkpoint = await clock.time('read', async () => (staysGguf(source, format) ? NO_CHECKPOINT : checkpointOf(source)));
      const converted = await clock.time('read', () => convertedBy(checkpoint, source, target, { format, asked, kernels }));
      const model = await roundedBy(converted.model, asked, kernels, note);
      const beside = async () => {
        const files = place?.isFolder ? await folderFiles(source, checkpoint, mainType(model)) : undefined;
        for (const [about, message] of files?.notes ?? []) note(about, message);
        return files;
      };
      const size = place
        ? await clock.time('write', () => write(model, { format, asked, kernels, place, beside }))
        : await format.size(model, 'node');
      const kept = place?.journal?.kept() ?? 0;
      if (kept > 0) note('resume', `${bytesText(kept)} of ${bytesText(size.bytes)} were there already`);
      return report({ source, converted, model, size, asked, notes, seconds: clock.seconds() });
    } catch (error) {
      if (asked.resume && (asked.signal?.aborted || isInTheWay(error))) place?.leave();
      throw error;
    } finally {
      await place?.remove();
    }
  } catch (error) {
    if (asked.signal?.aborted)
      throw new TersorError('INTERRUPTED', input, 'stopped on request', asked.resume ? 'resume goes on' : 'nothing was left behind', {
        cause: error,
      });
    throw error;
  } finally {
    await target?.close();
    await kernels.close();
    await source.close();
  }
}

/** What lies beside a model and is read. */
const DESCRIBING = /\.(json|jinja|txt|model)$/;

async function stageFor(
  source: Opened,
  target: Opened | undefined,
  format: Format,
  { recipe, type, resume = false }: AskedToConvert,
  note: (about: string, message: string) => void,
): Promise<StageOptions> {
  const paths = [...(target?.files ?? [])];
  for (const place of source.format.id === 'onnx' ? ['.', '..'] : ['.']) {
    const names = (await namesIn(beside(source.path, place))).filter((name) => DESCRIBING.test(name));
    paths.push(...names.map((name) => beside(source.path, `${place}/${name}`)));
  }
  const authorship = await authorshipOf(source, recipe, [format.id, type], paths);
  return { ...authorship, resume, note: (message) => note('resume', message) };
}

/** @throws USAGE */
function mustChange(
  source: Opened,
  target: Opened | undefined,
  { format, isOfFolder, asked }: { readonly format: Format; readonly isOfFolder: boolean; readonly asked: AskedToConvert },
): void {
  const { path } = source;
  if (format.id === 'onnx' && !target)
    throw new TersorError('USAGE', path, 'has no graph, and ONNX needs one', 'name an ONNX model of the same network: --into model.onnx');
  if (target && (format.id !== 'onnx' || target.format.id !== 'onnx'))
    throw new TersorError('USAGE', '--into', 'takes an ONNX model, and the output is one, too', 'leave it out for other formats');
  if (target || format.id !== source.format.id || asked.type !== undefined || asked.recipe) return;
  // of several files one is made, and what other packages quantized is decoded
  const isDecoded = [...source.model.weights.values()].some(({ layout }) => layout.kind !== 'dense');
  if (format.id === 'safetensors' && (isOfFolder || isDecoded || source.files.length > 1)) return;
  const [name, type] = format.id === 'gguf' ? ['GGUF', 'Q4_K_M'] : ['safetensors', 'BF16'];
  throw new TersorError('USAGE', path, `is ${name} already, and nothing is asked to change`, `name another type: --type ${type}`);
}

interface To {
  readonly format: Format;
  readonly asked: AskedToConvert;
  readonly kernels: Kernels;
}

async function convertedBy(
  checkpoint: Checkpoint,
  source: Opened,
  target: Opened | undefined,
  { format, asked, kernels }: To,
): Promise<Converted> {
  if (target) return intoOnnx(checkpoint, target.model, kernels);
  if (staysGguf(source, format)) return asItIs(source);
  return format.id === 'gguf'
    ? toGguf(checkpoint, await describedBeside(source), kernels)
    : toSafetensors(checkpoint, floatTypeOf(asked.type), kernels);
}

/** Whatever its family: nothing gets another name. */
function staysGguf({ format }: Opened, { id }: Format): boolean {
  return id === 'gguf' && format.id === 'gguf';
}

const NO_CHECKPOINT: Checkpoint = { weights: new Map(), leftOut: [] };

/** GGUF that stays GGUF: what changes is asked for by a recipe. */
function asItIs({ model }: Opened): Converted {
  const architecture = model.meta.properties.get('general.architecture');
  return {
    model,
    origins: new Map([...model.weights.keys()].map((id) => [id, id])),
    leftOut: [],
    ...(architecture !== undefined && { architecture }),
  };
}

/** @throws OPTION_VALUE */
function floatTypeOf(type: string | undefined): FloatType | undefined {
  if (type === undefined) return undefined;
  const found = Object.entries(FLOAT_TYPES).find(([name]) => name === type.toUpperCase());
  if (found) return found[1];
  throw new TersorError('OPTION_VALUE', '--type', `"${type}"`, `safetensors takes ${Object.keys(FLOAT_TYPES).join(' | ')}`);
}

async function roundedBy(
  model: Model,
  { recipe, signal }: AskedToConvert,
  kernels: Kernels,
  note: (about: string, message: string) => void,
): Promise<Model> {
  if (!recipe) return model;
  const { steps, seed = 0 } = recipeOf({ seed: recipe.seed ?? 0, target: 'node' }, recipe.steps);
  const around = { kernels, memo: openMemo(MOST_REMEMBERED_BYTES), seed, note, ...(signal && { signal }) };
  return withRecipe(await applySteps(model, steps, around), recipeOf({ seed, target: 'node' }, steps));
}

interface Writing extends To {
  readonly place: Place;
  /** What lies beside the weights, once they are written. */
  beside(): Promise<FolderFiles | undefined>;
}

async function write(model: Model, { format, asked, kernels, place, beside }: Writing): Promise<Size> {
  const { journal } = place;
  const store = openNodeStore(place.folder, { ...(journal && { journal }) });
  try {
    const size = await format.write(model, store, place.name, {
      target: 'node',
      kernels,
      onProgress: (done, total, about = '') => asked.onProgress?.({ phase: 'write', done, total, about }),
      ...(asked.signal && { signal: asked.signal }),
    });
    await store.commit();
    await place.publish(await beside());
    return size;
  } catch (error) {
    await store.discard();
    throw error;
  } finally {
    await store.close();
  }
}

/** The type that most of the weights have, as the first matrix shows. */
function mainType({ weights }: Model): string {
  const matrix = [...weights.values()].find(({ shape }) => shape.length > 1);
  return matrix?.layout.kind === 'dense' ? matrix.layout.dtype : 'f32';
}

interface Done {
  readonly source: Opened;
  readonly converted: Converted;
  readonly model: Model;
  readonly size: Size;
  readonly asked: AskedToConvert;
  readonly notes: ReadonlyMap<string, Conversion['notes'][number]>;
  readonly seconds: Conversion['seconds'];
}

function report({ source, converted: { origins, leftOut, architecture }, model, size, asked, notes, seconds }: Done): Conversion {
  const { path, format, bytes } = source;
  const before = (id: string | undefined) => (id === undefined ? undefined : source.model.weights.get(id));
  return {
    version: version(),
    input: { path, format: format.id, bytes },
    ...(!asked.dryRun && { output: { path: asked.output, format: model.format, bytes: size.bytes } }),
    bytes: size.bytes,
    ...(architecture !== undefined && { architecture }),
    weights: [...model.weights.values()].flatMap(({ id, shape, layout }) => {
      const from = origins.get(id);
      const was = before(from);
      // of the graph that weights were put into, only those are told of
      if (asked.into !== undefined && from === undefined) return [];
      return [
        { to: id, shape, after: describe(layout), ...(from !== undefined && { from }), ...(was && { before: describe(was.layout) }) },
      ];
    }),
    leftOut,
    notes: [...notes.values()],
    seconds,
  };
}
