import { namesIn } from '../io/node-folder.ts';
import { openScratch } from '../io/node-scratch.ts';
import { openStagedFolder } from '../io/node-staged-folder.ts';
import type { FolderFiles } from './checkpoint-folder.ts';

/** Where a result goes: a file, or a folder of Hugging Face's kind. It appears there whole, or not at all. */
export interface Place {
  readonly isFolder: boolean;
  /** Where the model is written first, and how it is called there. */
  readonly folder: string;
  readonly name: string;
  /** Puts what was written where it belongs, in a folder with what lies beside it. @throws FILE_EXISTS, FILE_WRITE, USAGE */
  publish(files: Pick<FolderFiles, 'texts' | 'carried'> | undefined): Promise<void>;
  /** Removes whatever was not published. Never throws. */
  remove(): Promise<void>;
}

export interface PlaceOptions {
  readonly isFolder: boolean;
  /** Files that are read, the model first: they are never replaced. */
  readonly inputs: readonly string[];
  /** Whether what is there may be replaced. */
  readonly force: boolean;
}

/** What a folder of this kind consists of: nothing else in it may be replaced. */
const REPLACED = /\.(safetensors|json|jinja|txt|model)$/;

/** @throws USAGE, FILE_EXISTS, FILE_WRITE */
export async function openPlace(output: string, { isFolder, inputs, force }: PlaceOptions): Promise<Place> {
  return isFolder ? ofFolder(output.replace(/[/\\]+$/, ''), inputs[0] ?? '', force) : ofFile(output, inputs, force);
}

async function ofFile(output: string, inputs: readonly string[], force: boolean): Promise<Place> {
  const scratch = await openScratch(output, { inputs, force });
  const folder = await scratch.attempt();
  return { isFolder: false, folder, name: scratch.name, publish: () => scratch.publish(folder), remove: scratch.remove };
}

async function ofFolder(output: string, input: string, force: boolean): Promise<Place> {
  const staged = await openStagedFolder(output, { input, force, replaces: (name) => REPLACED.test(name) });
  const folder = await staged.aside('written');
  return {
    isFolder: true,
    folder,
    name: 'model.safetensors',
    async publish(files) {
      for (const name of await namesIn(folder)) await staged.move(`${folder}/${name}`, name);
      for (const [name, text] of files?.texts ?? []) await staged.write(name, text);
      for (const { path, name } of files?.carried ?? []) if (!files?.texts.has(name)) await staged.copy(path, name);
      await staged.publish();
    },
    remove: staged.remove,
  };
}
