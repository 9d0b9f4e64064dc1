import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runFake } from './fake-shell.ts';
import { SENSITIVITY } from './sample-of-sensitivity.ts';
import { INSPECTION } from './samples.ts';

let folder: string;
let model: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-cli-'));
  model = join(folder, 'model.onnx');
  await writeFile(model, '');
});
afterAll(() => rm(folder, { recursive: true }));

it('what layers can bear is a screen, a page, a table and data', async () => {
  expect((await runFake(['sensitivity', model])).out).toContain('Most sensitive first');
  const [html, csv] = [join(folder, 's.html'), join(folder, 's.csv')];
  const wanted = [
    '--try',
    'rounding:bits=4,symmetric=false+tidy',
    '--where',
    '**.weight',
    '--max-size',
    '25%',
    '--html',
    html,
    '--csv',
    csv,
  ];
  const { out, calls } = await runFake(['sensitivity', model, '--json', ...wanted]);
  expect(JSON.parse(out)).toEqual(SENSITIVITY);
  expect(calls.at(-1)).toMatchObject({
    name: 'sensitivity',
    args: [
      model,
      {
        where: [{ name: '**.weight' }],
        steps: [[{ use: 'rounding', bits: 4, symmetric: false }, { use: 'tidy' }]],
        limit: { bytes: Math.floor(INSPECTION.bytes / 4) },
      },
    ],
  });
  expect(await readFile(html, 'utf8')).toContain('what its layers can bear');
  const lines = (await readFile(csv, 'utf8')).split('\r\n');
  expect(lines[0]).toBe('layer,kind,shape,weights,bytes before,step,stored as,bytes,loss,chosen,weight-error,kurtosis,odd');
  expect(lines).toHaveLength(20 * 3 + 2);
  expect(lines[1]).toContain('"[{""use"":""rtn"",""bits"":2}]","uint2 in blocks of 16, f16 scales"');
  expect((await runFake(['sensitivity', model, '--csv', csv])).err).toContain('[FILE_EXISTS]');
  const several = await runFake(['sensitivity', model, '--json', '--try', 'rounding:bits=*,symmetric=true|false+tidy', '--try', 'tidy']);
  expect(several.calls.at(-1)?.args[1]).toMatchObject({
    steps: [
      ...[4, 8].flatMap((bits) => [true, false].map((symmetric) => [{ use: 'rounding', bits, symmetric }, { use: 'tidy' }])),
      [{ use: 'tidy' }],
    ],
  });
  expect((await runFake(['sensitivity', model, '--try', 'rounding:symmetric=*'])).err).toContain('names no values of symmetric');
  expect((await runFake(['sensitivity', model, '--try', `rounding:bits=${'8|'.repeat(200)}4`])).err).toContain('201 things to try');
  expect((await runFake(['sensitivity', model, '--try', 'rounding:bits'])).err).toContain('for example: --try rtn:bits=4,block=32');
  expect((await runFake(['sensitivity', model, '--try', 'rounding:bit=4'])).err).toContain('did you mean "bits"?');
});
