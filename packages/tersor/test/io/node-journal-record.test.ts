import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { type Line, type Mark, readJournal } from '../../src/io/node-journal-record.ts';

const folder = mkdtempSync(join(tmpdir(), 'tersor-journal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = join(folder, 'journal');
const journal = { target: 'ä.gguf', version: '1', recipe: 'r', model: 'm' };
const mark = (file: string, start: number, end: number): Line => ({ mark: { file, start, end, sha256: `${start}` } });
const LINES: readonly Line[] = [
  { journal },
  { owner: { pid: 7, host: 'h' } },
  mark('a', 0, 10),
  mark('ä', 0, 5),
  mark('a', 10, 30),
  { publishing: true },
];
const textOf = (lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const read = (content: string | Uint8Array) => {
  writeFileSync(path, content);
  return readJournal(path);
};
const ends = (marks: readonly Mark[] = []) => marks.map(({ end }) => end);

it('says what its lines say', async () => {
  const record = await read(textOf(LINES));
  expect(record).toMatchObject({ authorship: journal, owner: { pid: 7, host: 'h' }, isPublishing: true });
  expect(record?.length).toBe(Buffer.byteLength(textOf(LINES)));
  expect([...(record?.marks ?? [])].map(([file, marks]) => [file, ...ends(marks)])).toEqual([
    ['a', 10, 30],
    ['ä', 5],
  ]);
});

it('that was cut off anywhere says what its whole lines say', async () => {
  const bytes = Buffer.from(textOf(LINES));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const record = await read(bytes.subarray(0, cut));
    const whole = bytes.subarray(0, cut).lastIndexOf(10) + 1;
    if (record) expect(record.length).toBe(whole);
    else expect(whole).toBeLessThan(textOf(LINES.slice(0, 2)).length);
  }
});

it('a run that goes on has published nothing yet', async () => {
  expect(await read(textOf([...LINES, { owner: { pid: 8, host: 'h' } }]))).toMatchObject({ owner: { pid: 8 }, isPublishing: false });
});

it('a mark that goes back takes the place of those behind it', async () => {
  const record = await read(textOf([...LINES, mark('a', 10, 15), mark('a', 15, 40)]));
  expect(ends(record?.marks.get('a'))).toEqual([10, 15, 40]);
});

it('ends before what makes no sense', async () => {
  for (const wrong of [
    mark('a', 31, 40),
    mark('a', 30, 30),
    mark('a', -1, 5),
    { mark: { file: 'a', start: 30, end: 2 ** 60 } },
    7,
    null,
    {},
    { journal },
  ]) {
    const record = await read(textOf([...LINES, wrong, mark('a', 30, 40)]));
    expect(ends(record?.marks.get('a')), JSON.stringify(wrong)).toEqual([10, 30]);
  }
  expect(await read(textOf(LINES.slice(1)))).toBeUndefined();
});

it('is none where anything else is, or a link', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      expect(await read(bytes)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
  expect(await readJournal(join(folder, 'nothing'))).toBeUndefined();
  writeFileSync(path, textOf(LINES));
  symlinkSync(path, join(folder, 'link'));
  if (process.platform !== 'win32') expect(await readJournal(join(folder, 'link'))).toBeUndefined();
});
