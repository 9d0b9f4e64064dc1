import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import { splitHalves } from '../../src/data/choose.ts';
import { openData } from '../../src/data/open-data-node.ts';
import { floats, makeNpy } from './make-npy.ts';

const x: ValueInfo = { name: 'x', dtype: 'f32', shape: ['N', 2] };
const state: ValueInfo = { name: 'h', dtype: 'f32', shape: [2, undefined, 1] };
const hn: ValueInfo = { name: 'hn', dtype: 'f32', shape: [2, undefined, 1] };

let folder = '';
const path = (name: string) => join(folder, name);
const npz = (arrays: Record<string, Uint8Array>) => zipSync(arrays);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-data-'));
  await writeFile(path('stacked.npz'), npz({ 'x.npy': makeNpy('<f4', [3, 1, 2], floats(1, 2, 3, 4, 5, 6)) }));
  await writeFile(path('batch.npz'), npz({ 'x.npy': makeNpy('<f4', [3, 2], floats(1, 2, 3, 4, 5, 6)) }));
  await writeFile(path('good.mjs'), 'export default async function* () { for (let i = 0; ; i++) yield { x: [[i, -i]] }; }');
  await writeFile(path('bad.mjs'), 'export default [{ x: [[1, 2]] }, { y: 1 }];');
  await writeFile(path('calls.mjs'), 'export default () => { throw new Error("no disk"); };');
  await writeFile(path('waits.mjs'), 'export default async function* () { await new Promise(() => {}); }');
  await writeFile(path('throws.mjs'), 'export default (function* () { throw new Error("no luck"); })();');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('openData', () => {
  it.each(['stacked.npz', 'batch.npz'])('cuts %s into samples along its first axis', async (name) => {
    const { samples, evidence, notes, source } = await openData(path(name), [x]);
    expect({ evidence, source, notes }).toEqual({ evidence: 'data', source: name, notes: [`${name}: 3 runs along the first axis`] });
    expect(samples.map(({ steps }) => steps.map(({ x }) => [x?.shape, ...(x?.data ?? [])]))).toEqual([
      [[[1, 2], 1, 2]],
      [[[1, 2], 3, 4]],
      [[[1, 2], 5, 6]],
    ]);
  });

  it('takes the runs of a file as steps where the model has state, which starts at zero', async () => {
    const { samples } = await openData(path('batch.npz'), [x, state], { outputs: [hn] });
    expect(samples).toHaveLength(1);
    expect(samples[0]?.steps).toHaveLength(3);
    expect(samples[0]?.steps[0]?.h).toEqual({ dtype: 'f32', shape: [2, 1, 1], data: new Float32Array(2) });
    expect(samples[0]?.steps[1]).not.toHaveProperty('h');
  });

  it('reads every file of a folder, each sample once, and no more than asked for', async () => {
    expect((await openData(folder, [x])).samples).toHaveLength(3);
    const { samples, notes } = await openData(folder, [x], { samples: 2 });
    expect(samples).toHaveLength(2);
    expect(notes).toEqual(['3 exact duplicates are left out', '2 of 3 samples are used']);
    expect((await openData(folder, [x], { samples: 2 })).samples).toEqual(samples);
  });

  it('takes what a module or a caller yields, and stops when it has enough', async () => {
    const { samples, notes } = await openData(path('good.mjs'), [x], { samples: 3 });
    expect(samples.map(({ steps }) => steps[0]?.x?.data[0])).toEqual([0, 1, 2]);
    expect(notes).toEqual(['the first 3 samples are used']);
    const sequence = await openData([[{ x: [[1, 2]] }, { x: [[3, 4]] }]], [x, state], { outputs: [hn] });
    expect(sequence.samples[0]?.steps).toHaveLength(2);
  });

  it.each([
    ['bad.mjs', 'bad.mjs[1]: the model has no input "y"\n  did you mean "x"? [DATA_INVALID]'],
    ['throws.mjs', 'throws.mjs[0]: no luck [DATA_INVALID]'],
    ['calls.mjs', 'calls.mjs: no disk [DATA_INVALID]'],
    ['nothing.npz', 'no such file or folder'],
  ])('says what is wrong with %s', async (name, message) => {
    await expect(openData(path(name), [x])).rejects.toThrow(message);
  });

  it('waits no longer than it is wanted for a module that does not yield', async () => {
    const controller = new AbortController();
    const waiting = openData(path('waits.mjs'), [x], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(openData(path('good.mjs'), [x], { signal: controller.signal })).rejects.toThrow('enough');
  });

  it.skipIf(process.platform === 'win32')('does not wait for what a pipe may never send', async () => {
    const server = createServer().listen(path('pipe.npz'));
    await once(server, 'listening');
    await expect(openData(path('pipe.npz'), [x])).rejects.toThrow('pipe.npz: is no ordinary file');
    server.close();
  });

  it('says which array does not fit', async () => {
    const wide: ValueInfo = { name: 'x', dtype: 'f32', shape: [1, 3] };
    await expect(openData(path('stacked.npz'), [wide])).rejects.toThrow('stacked.npz[0]: x: expected f32 [1, 3], received f32 [1, 2]');
    await expect(openData(path('batch.npz'), [{ ...x, name: 'input' }])).rejects.toThrow('batch.npz: the model has no input "x"');
  });
});

it('splits samples into halves that share nothing, the same way every time', async () => {
  const samples = await openData(path('good.mjs'), [x], { samples: 9 });
  const { choose, prove } = splitHalves(samples, 1);
  expect([choose.samples.length, prove.samples.length]).toEqual([4, 5]);
  expect(new Set([...choose.samples, ...prove.samples]).size).toBe(9);
  expect(splitHalves(samples, 1)).toEqual({ choose, prove });
  expect(splitHalves(samples, 2).choose).not.toEqual(choose);
});
