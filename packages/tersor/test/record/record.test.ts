import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import { openData } from '../../src/data/open-data-node.ts';
import { claimFolder } from '../../src/record/folder-node.ts';
import { type Recordable, type RecordOptions, record } from '../../src/record/record-node.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-record-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface FakeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

const tensor = (...values: number[]): FakeTensor => ({ type: 'float32', dims: [1, values.length], data: Float32Array.from(values) });

/** Adds its input to its state. */
const counter = () => ({
  inputNames: ['x', 'h'],
  outputNames: ['y', 'hn'],
  run: async ({ x, h }: Record<string, FakeTensor>) => {
    const sum = (x?.data[0] ?? 0) + (h?.data[0] ?? 0);
    return { y: tensor(sum), hn: tensor(sum) };
  },
});

/** Gives back what it gets, but fails for negative numbers. */
const echo = () => ({
  inputNames: ['x'],
  outputNames: ['y'],
  run: async ({ x }: Record<string, FakeTensor>) => {
    if ((x?.data[0] ?? 0) < 0) throw new Error('negative');
    return { y: x };
  },
});

const info = (name: string): ValueInfo => ({ name, dtype: 'f32', shape: [1, 1] });
const start = <S extends Recordable>(session: S, options: RecordOptions = {}): S => record(session, folder, { steps: 4, ...options });
const only = async () =>
  (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
const values = async (inputs: string[], outputs: string[], root = folder) => {
  const { samples } = await openData(root, inputs.map(info), { outputs: outputs.map(info), samples: 1000 });
  return samples.map(({ steps }) => steps.map((feeds) => Object.fromEntries(Object.entries(feeds).map(([k, { data }]) => [k, data[0]]))));
};

describe('record', () => {
  it('costs nothing without a folder, and is the same session with one', async () => {
    const session = echo();
    const { run } = session;
    expect(record(session, undefined)).toBe(session);
    expect(session.run).toBe(run);
    expect(start(session)).toBe(session);
    expect((await session.run({ x: tensor(3) })).y?.data[0]).toBe(3);
    await expect(session.run({ x: tensor(-1) })).rejects.toThrow('negative');
    expect(await values(['x'], ['y'])).toEqual([[{ x: 3 }]]);
  });

  it('keeps what was fed, although the application fills its buffers again; exact repetitions once', async () => {
    const session = start(echo());
    const x = tensor(0);
    for (const value of [1, 2, 2, 3]) {
      x.data[0] = value;
      const running = session.run({ x });
      x.data[0] = 99;
      await running;
    }
    expect(await values(['x'], ['y'])).toEqual([[{ x: 1 }], [{ x: 2 }], [{ x: 3 }]]);
  });

  it('keeps no more than it may, and any run with the same probability', async () => {
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 20; seed++) {
      const root = join(folder, String(seed));
      const session = record(echo(), root, { samples: 10, seed });
      for (let i = 0; i < 40; i++) await session.run({ x: tensor(i) });
      const kept = (await values(['x'], ['y'], root)).map(([step]) => Number(step?.x));
      expect(kept).toHaveLength(10);
      for (const value of kept) counts.set(Math.floor(value / 10), (counts.get(Math.floor(value / 10)) ?? 0) + 1);
    }
    // 200 kept runs, 50 of every quarter of the stream; four deviations are 25
    for (const quarter of [0, 1, 2, 3]) expect(Math.abs((counts.get(quarter) ?? 0) - 50)).toBeLessThan(25);
  });

  it('stays within its bytes', async () => {
    const session = start(echo(), { bytes: 2000 });
    for (let i = 0; i < 50; i++) await session.run({ x: tensor(i) });
    const [name = ''] = await only();
    const files = (await readdir(join(folder, name))).filter((file) => file.endsWith('.npz'));
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, name, file))).size));
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(2000);
  });

  it.each([
    ['the tensor itself', (hn: FakeTensor) => hn],
    ['a copy of it', (hn: FakeTensor) => tensor(...hn.data)],
  ])('joins runs whose state is %s, also of two streams at once', async (_, handOn) => {
    const session = start(counter());
    let [a, b] = [tensor(0), tensor(100)];
    for (let i = 1; i <= 2; i++) {
      a = handOn((await session.run({ x: tensor(i), h: a })).hn);
      b = handOn((await session.run({ x: tensor(-i), h: b })).hn);
    }
    expect(await values(['x', 'h'], ['y', 'hn'])).toEqual([
      [{ x: 1, h: 0 }, { x: 2 }],
      [{ x: -1, h: 100 }, { x: -2 }],
    ]);
  });

  it('cuts long sequences into parts that begin with their state and have one source', async () => {
    const session = start(counter());
    let h = tensor(0);
    for (let i = 1; i <= 5; i++) h = (await session.run({ x: tensor(i), h })).hn;
    const { samples } = await openData(folder, [info('x'), info('h')], { outputs: [info('y'), info('hn')] });
    expect(samples.map(({ steps }) => [steps.length, steps[0]?.h?.data[0]])).toEqual([
      [4, 0],
      [1, 10],
    ]);
    expect(samples[0]?.source).toMatch(/-/);
    expect(samples[1]?.source).toBe(samples[0]?.source);
  });

  it('is readable by its owner alone, ignored by git, and says what it is', async () => {
    await start(echo(), { name: 'net.onnx' }).run({ x: tensor(1) });
    const [name = ''] = await only();
    expect(name).toMatch(/^net-[0-9a-f]{8}$/);
    const modes = [folder, join(folder, name, '000000.npz'), join(folder, name, 'recording.json')].map(
      async (path) => (await stat(path)).mode & 0o77,
    );
    expect(await Promise.all(modes.slice(1))).toEqual([0, 0]);
    expect(await readFile(join(folder, '.gitignore'), 'utf8')).toBe('*\n');
    expect(await readFile(join(folder, 'README.md'), 'utf8')).toContain('nothing was sent anywhere');
  });

  it('records all sessions of a model into one folder, and none where another process or thread does', async () => {
    const claimed = claimFolder(folder, 'net-4e5ab5b8');
    for (const value of [1, 2]) await start(echo(), { name: 'net' }).run({ x: tensor(value) });
    const [held = '', own = ''] = await only();
    expect([basename(claimed.path), own]).toEqual([held, `${held}-2`]);
    expect((await values(['x'], ['y'])).flat()).toEqual([{ x: 1 }, { x: 2 }]);
  });

  it('never fails the application', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const session = start(echo());
    const [name = ''] = await only();
    await rm(join(folder, name), { recursive: true });
    for (const value of [1, 2]) expect((await session.run({ x: tensor(value) })).y?.data[0]).toBe(value);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/^recording stopped: /);
    warn.mockRestore();
  });
});

it('refuses recordings of other models by name', async () => {
  await start(echo(), { name: 'echo.onnx' }).run({ x: tensor(1) });
  await expect(openData(folder, [info('z')])).rejects.toThrow(/holds recordings of other models: echo\.onnx \(x\)\n {2}this one takes z/);
});
