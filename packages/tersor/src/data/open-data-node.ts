import { stat } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { stateLinks } from '../core/state-links.ts';
import { integerText } from '../core/text/units.ts';
import { classNames } from './classes-node.ts';
import { filesBelow } from './files-below-node.ts';
import { openIterable, openModule } from './iterable-node.ts';
import { openNpz } from './npz-node.ts';
import { openPictures } from './pictures-node.ts';
import type { Preprocess } from './preprocess.ts';
import type { Reading } from './reading.ts';
import { recordingsOf } from './recordings-node.ts';
import { openSounds } from './sounds-node.ts';
import { openJsonLines, openTextLines } from './text-node.ts';
import { warningsAbout } from './warnings.ts';

/** A file or folder, or the runs themselves: feeds, or lists of feeds for sequences. */
export type DataSpec = string | Iterable<unknown> | AsyncIterable<unknown>;

export interface DataOptions {
  /** No more than these; 64 unless told. */
  readonly samples?: number;
  readonly seed?: number;
  /** The model's outputs: with them, state that is fed back may be left out of the data. */
  readonly outputs?: readonly ValueInfo[];
  /** Where the model lies, and with it the tokenizer or preprocessor that it was trained with. */
  readonly model?: string;
  /** How pictures and sound become inputs. */
  readonly preprocess?: Preprocess;
  /** Stops waiting for a module or a caller that does not yield, and reading files. */
  readonly signal?: AbortSignal;
}

const DEFAULT_SAMPLES = 64;

const HINT =
  'give an .npz file or a folder of them (arrays named like the inputs), a .txt or .jsonl (with tokenizer.json beside the model), a folder of pictures or of .wav clips, or a JavaScript module whose default export yields one object of inputs per sample';

/** A kind of data. */
interface Kind {
  readonly name: string;
  readonly extensions: readonly string[];
  /** Whether a folder may hold many files of it, that are one set of samples. */
  readonly inFolders?: true;
  /** Whether `preprocess` has a say. */
  readonly prepared?: true;
  /** Files of a folder, or a single one. */
  open(paths: readonly [string, ...string[]], folder: string, reading: Reading): Promise<Samples>;
}

const NPZ: Kind = {
  name: '.npz files',
  extensions: ['.npz'],
  inFolders: true,
  open: (paths, folder, reading) =>
    openNpz(paths, paths.length > 1 ? `${basename(folder)} (${paths.length} files)` : basename(paths[0]), reading),
};

const TEXT: Kind = { name: 'text', extensions: ['.txt'], open: openTextLines };

const KINDS: readonly Kind[] = [
  NPZ,
  { name: 'pictures', extensions: ['.png', '.jpg', '.jpeg'], inFolders: true, prepared: true, open: openPictures },
  { name: 'clips', extensions: ['.wav'], inFolders: true, prepared: true, open: openSounds },
  TEXT,
  { name: 'lines of JSON', extensions: ['.jsonl'], open: ([path], _, reading) => openJsonLines(path, reading) },
  { name: 'a module', extensions: ['.js', '.mjs', '.cjs', '.ts', '.mts'], open: ([path], _, reading) => openModule(path, reading) },
];

/**
 * Samples from a user's data, checked against the model's inputs.
 * @throws DATA_INVALID, FILE_MISSING; OPTION_VALUE for settings of what is not prepared
 */
export async function openData(
  spec: DataSpec,
  inputs: readonly ValueInfo[],
  { samples = DEFAULT_SAMPLES, seed = 0, outputs = [], model, preprocess, signal }: DataOptions = {},
): Promise<Samples> {
  const reading: Reading = {
    wanted: { inputs, links: stateLinks(inputs, outputs) },
    outputs: outputs.map(({ name }) => name),
    limit: samples,
    seed,
    model,
    preprocess,
    signal,
  };
  const found = await read(spec, reading);
  const classes = await classNames(model, typeof spec === 'string' ? spec : undefined);
  return {
    ...found,
    ...(classes && { classes }),
    notes: [...found.notes, ...aboutSources(found.samples), ...warningsAbout(found.samples, reading.wanted)],
  };
}

function aboutSources(samples: readonly Sample[]): string[] {
  const sources = new Set(samples.map(({ source, id }) => source ?? id));
  return sources.size === samples.length
    ? []
    : [`${samples.length} samples of ${sources.size} sources: those of one choose or prove, never both`];
}

async function read(spec: DataSpec, reading: Reading): Promise<Samples> {
  if (typeof spec !== 'string') {
    if (reading.preprocess) throw unprepared('inputs that are given');
    return openIterable(spec, 'data', reading);
  }
  const { kind, paths, folder, note } = await find(spec, reading);
  if (reading.preprocess && !kind.prepared) throw unprepared(kind.name);
  const samples = await kind.open(paths, folder, reading);
  return note === undefined ? samples : { ...samples, notes: [note, ...samples.notes] };
}

interface Found {
  readonly kind: Kind;
  readonly paths: readonly [string, ...string[]];
  readonly folder: string;
  readonly note?: string;
}

async function find(path: string, reading: Reading): Promise<Found> {
  const about = await stat(path).catch(() => undefined);
  if (!about) throw new TersorError('FILE_MISSING', path, 'no such file or folder', HINT);
  if (about.isDirectory()) return (await findRecorded(path, reading)) ?? findInFolder(path);
  if (!about.isFile()) throw new TersorError('DATA_INVALID', basename(path), 'is no ordinary file', 'copy it into one first');
  const kind = KINDS.find(({ extensions }) => extensions.includes(extname(path).toLowerCase()));
  if (kind) return { kind, paths: [path], folder: dirname(path) };
  throw new TersorError('DATA_INVALID', basename(path), 'is no kind of data that tersor reads', HINT);
}

async function findRecorded(root: string, { wanted, outputs, model }: Reading): Promise<Found | undefined> {
  const recordings = await recordingsOf(root, { wanted, outputs, model });
  if (!recordings) return undefined;
  const files = await Promise.all(recordings.map(({ folder }) => filesBelow(folder, NPZ.extensions)));
  const [first, ...others] = files.flat();
  if (first === undefined)
    throw new TersorError('DATA_INVALID', basename(root), 'its recording holds no runs yet', 'let the application run');
  const seen = recordings.reduce((sum, each) => sum + each.seen, 0);
  const what = wanted.links.length > 0 ? 'sequences' : 'runs';
  const note = `recorded: ${others.length + 1} of ${integerText(seen)} ${what} of ${recordings[0]?.model.name}`;
  return { kind: NPZ, paths: [first, ...others], folder: root, note };
}

async function findInFolder(folder: string): Promise<Found> {
  const kinds = KINDS.filter(({ inFolders }) => inFolders);
  const files = await filesBelow(
    folder,
    kinds.flatMap(({ extensions }) => extensions),
  );
  const found = kinds.flatMap((kind) => {
    const [first, ...others] = files.filter((file) => kind.extensions.includes(extname(file).toLowerCase()));
    return first === undefined ? [] : [{ kind, paths: [first, ...others] as const, folder }];
  });
  const [only, ...others] = found;
  const name = basename(folder);
  // beside files of other kinds, text is about them
  const [text, ...texts] = only ? [] : await filesBelow(folder, TEXT.extensions);
  if (text !== undefined) return { kind: TEXT, paths: [text, ...texts], folder };
  if (!only) throw new TersorError('DATA_INVALID', name, `holds no ${[...kinds, TEXT].map((kind) => kind.name).join(', no ')}`, HINT);
  if (others.length === 0) return only;
  const counts = found.map(({ kind, paths }) => `${paths.length} ${kind.name}`).join(', ');
  throw new TersorError('DATA_INVALID', name, `holds data of several kinds (${counts})`, 'give a folder of one kind');
}

function unprepared(what: string): TersorError {
  return new TersorError('OPTION_VALUE', '--preprocess', `has nothing to prepare in ${what}`, 'it is for pictures and sound; leave it out');
}
