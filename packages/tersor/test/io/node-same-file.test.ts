import { linkSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mustNotBeInput } from '../../src/io/node-same-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-same-'));
  writeFileSync(join(folder, 'in.onnx'), 'model');
  writeFileSync(join(folder, 'other.onnx'), 'model');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('refuses the input under any of its names', async () => {
  const input = join(folder, 'in.onnx');
  linkSync(input, join(folder, 'hard.onnx'));
  if (process.platform !== 'win32') symlinkSync(input, join(folder, 'soft.onnx'));
  const names = ['in.onnx', 'hard.onnx', ...(process.platform === 'win32' ? [] : ['soft.onnx'])];
  for (const name of names) {
    await expect(mustNotBeInput([input], join(folder, name))).rejects.toThrow(
      `${join(folder, name)}: is the input itself, which is never overwritten\n  choose another name [USAGE]`,
    );
  }
});

it('allows any other file, there or not', async () => {
  await mustNotBeInput([join(folder, 'in.onnx')], join(folder, 'other.onnx'));
  await mustNotBeInput([join(folder, 'in.onnx')], join(folder, 'new.onnx'));
});
