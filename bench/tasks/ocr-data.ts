import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Picture, readPng } from './picture.ts';
import { fixture, type Half, halfOf } from './task.ts';

/** A rendered line of text. */
export interface Line {
  readonly file: string;
  readonly picture: Picture;
  readonly text: string;
}

/** Of the 300 lines, those of a half. */
export function readLines(half: Half): Line[] {
  const folder = fixture('data/ocr/lines');
  const rows = readFileSync(join(folder, 'labels.tsv'), 'utf8').trim().split('\n').slice(1);
  return halfOf(rows, half).map((row) => {
    const [file = '', text = ''] = row.split('\t');
    return { file, picture: readPng(join(folder, file)), text };
  });
}
