import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from '../../src/io/node-make-folder.ts';
import { openScratch } from '../../src/io/node-scratch.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-scratch-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('shows nothing before it is published, and leaves nothing else', async () => {
  const scratch = await openScratch(join(folder, 'out.onnx'));
  const rejected = await scratch.attempt();
  writeFileSync(join(rejected, 'out.onnx'), 'rejected');
  const attempt = await scratch.attempt();
  expect(existsSync(rejected)).toBe(false);
  writeFileSync(join(attempt, 'out.onnx'), 'main');
  writeFileSync(join(attempt, 'out.onnx_data'), 'data');
  expect(existsSync(join(folder, 'out.onnx'))).toBe(false);
  await scratch.publish(attempt);
  await scratch.remove();
  expect(readdirSync(folder).sort()).toEqual(['out.onnx', 'out.onnx_data']);
  expect(readFileSync(join(folder, 'out.onnx'), 'utf8')).toBe('main');
});

it('holds one attempt while others are made', async () => {
  const scratch = await openScratch(join(folder, 'out.onnx'));
  const best = await scratch.attempt();
  await scratch.hold(best);
  const [second, third] = [await scratch.attempt(), await scratch.attempt()];
  expect([best, second, third].map((path) => existsSync(path))).toEqual([true, false, true]);
  await scratch.hold(third);
  await scratch.attempt();
  expect([best, third].map((path) => existsSync(path))).toEqual([false, true]);
  await scratch.remove();
  expect(readdirSync(folder)).toEqual([]);
});

it.runIf(existsSync('/proc/self'))('a folder where none can be is an error, not an end without end', () => {
  expect(() => makeFolder('/proc/nowhere/deep/inside')).toThrow(/ENOENT/);
  makeFolder(join(folder, 'a/b/c'));
  expect(existsSync(join(folder, 'a/b/c'))).toBe(true);
});

it('refuses to overwrite, before the work and after it', async () => {
  const target = join(folder, 'out.onnx');
  writeFileSync(`${target}_data`, 'mine');
  const scratch = await openScratch(target);
  const attempt = await scratch.attempt();
  for (const name of ['out.onnx', 'out.onnx_data']) writeFileSync(join(attempt, name), 'new');
  await expect(scratch.publish(attempt)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
  await scratch.remove();
  expect(readdirSync(folder)).toEqual(['out.onnx_data']);
  expect(readFileSync(`${target}_data`, 'utf8')).toBe('mine');
  writeFileSync(target, 'mine');
  await expect(openScratch(target)).rejects.toThrow('exists already\n  choose another name, or overwrite it with --force');
  await (await openScratch(target, { force: true })).remove();
});

it('never replaces a file of the input, nor its external data', async () => {
  const [input, data] = [join(folder, 'in.onnx'), join(folder, 'out.onnx_data')];
  for (const file of [input, data]) writeFileSync(file, 'input');
  await expect(openScratch(input, { force: true, inputs: [input, data] })).rejects.toMatchObject({ code: 'USAGE' });
  const scratch = await openScratch(join(folder, 'out.onnx'), { force: true, inputs: [input, data] });
  const attempt = await scratch.attempt();
  for (const name of ['out.onnx', 'out.onnx_data']) writeFileSync(join(attempt, name), 'new');
  await expect(scratch.publish(attempt)).rejects.toMatchObject({ code: 'USAGE' });
  await scratch.remove();
  expect(readFileSync(data, 'utf8')).toBe('input');
  expect(readdirSync(folder).sort()).toEqual(['in.onnx', 'out.onnx_data']);
});

it.skipIf(process.platform === 'win32')('replaces ordinary files only, whatever is asked for', async () => {
  mkdirSync(join(folder, 'out.onnx'));
  await expect(openScratch(join(folder, 'out.onnx'), { force: true })).rejects.toThrow('is a folder');
  const socket = join(folder, 'pipe.onnx');
  const server = createServer().listen(socket);
  await once(server, 'listening');
  await expect(openScratch(socket, { force: true })).rejects.toThrow('is no ordinary file');
  server.close();
  for (const name of ['', `${folder}/`]) await expect(openScratch(name)).rejects.toMatchObject({ code: 'USAGE' });
  expect(readdirSync(folder)).toContain('out.onnx');
});

it('says what is wrong with the place', async () => {
  await expect(openScratch(join(folder, 'missing/out.onnx'))).rejects.toThrow(
    'its folder does not exist\n  make the folder first [FILE_WRITE]',
  );
  writeFileSync(join(folder, 'file'), '');
  await expect(openScratch(join(folder, 'file/out.onnx'))).rejects.toThrow('its folder does not exist');
});
