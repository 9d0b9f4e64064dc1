import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { Sample } from '../core/samples.ts';
import { toLabels } from './annotate.ts';
import { readBounded } from './read-bounded-node.ts';

const MAX_LABEL_BYTES = 2 ** 28;

type Labels = NonNullable<Sample['labels']>;

/** What a file of a folder shows, and where that is written. */
export interface FolderLabels {
  of(path: string): Labels | undefined;
  readonly note?: string;
}

/** What the column or field of a label may be called, and that of the file. */
const LABEL = ['labels', 'label', 'class', 'text', 'target'];
const FILE = ['file', 'file_name', 'filename', 'path', 'image', 'name'];

/**
 * Labels of files: from `labels.json` or `labels.tsv` in the folder or beside it or, without them, from the names of the subfolders when every file is
 * in one and they are at least two.
 * @throws DATA_INVALID when a label is neither a number nor text
 */
export async function labelsOfFolder(folder: string, paths: readonly string[]): Promise<FolderLabels> {
  for (const place of [folder, dirname(folder)]) {
    for (const [name, parse] of [
      ['labels.json', parseJson],
      ['labels.tsv', parseTable],
    ] as const) {
      const file = join(place, name);
      if (!existsSync(file)) continue;
      const found = parse(new TextDecoder().decode(await readBounded(file, MAX_LABEL_BYTES)), name);
      const of = (path: string) =>
        found.get(portable(relative(place, path))) ?? found.get(portable(relative(folder, path))) ?? found.get(basename(path));
      const count = paths.filter(of).length;
      if (count > 0) return { of, note: `${count} of ${paths.length} have a label in ${name}` };
    }
  }
  const classOf = (path: string) => {
    const [first, ...rest] = portable(relative(folder, path)).split('/');
    return rest.length > 0 ? first : undefined;
  };
  const classes = new Set(paths.map(classOf));
  if (classes.size < 2 || classes.has(undefined)) return { of: () => undefined };
  return {
    of(path) {
      const name = classOf(path);
      return name === undefined ? undefined : [name];
    },
    note: `${classes.size} subfolders are taken for classes`,
  };
}

/** `{ "cat.png": 281 }`, or `[{ "file": "cat.png", "label": 281 }]`. What has another form is no file of labels. */
function parseJson(text: string, where: string): Map<string, Labels> {
  const labels = new Map<string, Labels>();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return labels;
  }
  if (Array.isArray(value)) {
    for (const row of value) {
      const fields = new Map<string, unknown>(typeof row === 'object' && row !== null ? Object.entries(row) : []);
      const [file, label] = [FILE, LABEL].map((names) => names.map((name) => fields.get(name)).find((field) => field !== undefined));
      if (typeof file === 'string' && label !== undefined) labels.set(file, toLabels(label, `${where}: ${file}`));
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [file, label] of Object.entries(value)) {
      if (typeof label !== 'object' || Array.isArray(label)) labels.set(file, toLabels(label, `${where}: ${file}`));
    }
  }
  return labels;
}

/** Columns with a heading: the file, and the label, or the second one. */
function parseTable(text: string): Map<string, Labels> {
  const [heading = [], ...rows] = text.split(/\r?\n/).map((line) => line.split('\t'));
  const column = (names: readonly string[]) => heading.findIndex((title) => names.includes(title.trim().toLowerCase()));
  const file = Math.max(0, column(FILE));
  const label = column(LABEL) >= 0 ? column(LABEL) : 1;
  return new Map(rows.flatMap((row) => (row[file] && row[label] !== undefined ? [[row[file], [row[label]]] as const] : [])));
}

function portable(path: string): string {
  return path.replaceAll(sep, '/');
}
