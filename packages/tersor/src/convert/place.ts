import { namesIn } from '../io/node-folder.ts';
import type { Journal } from '../io/node-journal.ts';
import { openScratch } from '../io/node-scratch.ts';
import type { StageOptions } from '../io/node-stage.ts';
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
  /** What was written until now stays for a later run. */
  leave(): void;
  /** Removes whatever was neither published nor left. Never throws. */
  remove(): Promise<void>;
  /** Where a stage was asked for. */
  readonly journal?: Journal;
}

export interface PlaceOptions {
  readonly isFolder: boolean;
  /** Files that are read, the model first: they are never replaced. */
  readonly inputs: readonly string[];
  /** Whether what is there may be replaced. */
  readonly force: boolean;
  /** Of a file, so that a later run can go on with it. */
  readonly stage?: StageOptions;
}

/** What a folder of this kind consists of, by the names that everyone gives: nothing else in it may be lost. */
const REPLACED = [
  /^model(-\d{5}-of-\d{5})?\.safetensors$/,
  /^model\.safetensors\.index\.json$/,
  /^(config|generation_config|preprocessor_config|modules|sentence_bert_config|config_sentence_transformers)\.json$/,
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$/,
  /^(merges\.txt|vocab\.txt|tokenizer\.model|chat_template\.jinja)$/,
];

/** @throws USAGE, FILE_EXISTS, FILE_WRITE */
export async function openPlace(output: string, { isFolder, ...options }: PlaceOptions): Promise<Place> {
  return isFolder ? ofFolder(output.replace(/[/\\]+$/, ''), options) : ofFile(output, options);
}

async function ofFile(output: string, options: Omit<PlaceOptions, 'isFolder'>): Promise<Place> {
  const scratch = await openScratch(output, options);
  const folder = await scratch.attempt();
  const { name, leave, remove } = scratch;
  const journal = scratch.journal();
  return { isFolder: false, folder, name, publish: () => scratch.publish(folder), leave, remove, ...(journal && { journal }) };
}

/** Weights are written beside the folder, where a later run can go on with them, and the rest is put together at the end. */
async function ofFolder(output: string, { inputs: [input = ''], force, stage: asked }: Omit<PlaceOptions, 'isFolder'>): Promise<Place> {
  const staged = await openStagedFolder(output, { input, force, replaces: (name) => REPLACED.some((pattern) => pattern.test(name)) });
  try {
    const scratch = asked && (await openScratch(`${output}.safetensors`, { stage: asked, force: true }));
    const folder = await (scratch?.attempt() ?? staged.aside('written'));
    const journal = scratch?.journal();
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
      leave: () => scratch?.leave(),
      async remove() {
        await scratch?.remove();
        await staged.remove();
      },
      ...(journal && { journal }),
    };
  } catch (error) {
    await staged.remove();
    throw error;
  }
}
