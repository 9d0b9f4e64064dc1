import { fork, spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine, Feeds, Fold, Session, Value } from '../../src/core/engine.ts';
import { binsOf } from '../../src/core/histogram.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { runSample } from '../../src/evaluate/run-sample.ts';

vi.mock('node:child_process', async (original) => {
  const actual = await original<typeof import('node:child_process')>();
  return { ...actual, fork: vi.fn(actual.fork) };
});

const require = createRequire(import.meta.url);
const silero = require.resolve('@ricky0123/vad-web/dist/silero_vad_v5.onnx');
const broken = join(tmpdir(), `tersor-broken-${process.pid}.onnx`);

const f32 = (shape: readonly number[], fill = 0): Value => ({
  dtype: 'f32',
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill),
});
const sr: Value = { dtype: 'i64', shape: [], data: BigInt64Array.of(16000n) };
const feeds: Feeds = { input: f32([1, 512], 0.1), state: f32([2, 1, 128]), sr };
const close = (value: Value | undefined) => Number(value?.data[0]);

describe.each(['node', 'wasm'] as const)('engine on %s', (target) => {
  let engine: Engine;
  beforeAll(async () => {
    await writeFile(broken, (await readFile(silero)).subarray(0, 50_000));
    engine = await openEngine({ target });
  });
  afterAll(async () => {
    await engine.close();
    await rm(broken, { force: true });
  });

  it('names its runtime, describes inputs and outputs, and runs', async () => {
    expect(engine.name).toMatch(target === 'node' ? /^onnxruntime-node 1\./ : /^onnxruntime-web 1\./);
    const session = await engine.open({ path: silero });
    expect(session.inputs).toEqual([
      { name: 'input', dtype: 'f32', shape: [undefined, undefined] },
      { name: 'state', dtype: 'f32', shape: [2, undefined, 128] },
      { name: 'sr', dtype: 'i64', shape: [] },
    ]);
    const { output, stateN } = await session.run(feeds);
    expect(output?.shape).toEqual([1, 1]);
    expect(close(output)).toBeCloseTo(0.016403, 5);
    expect(stateN?.data).toBeInstanceOf(Float32Array);
    expect(Object.keys(await session.run(feeds, ['output']))).toEqual(['output']);
    await session.close();
  });

  it('folds what comes out, step by step', async () => {
    const session = await engine.open({ path: silero });
    const links = [{ input: 'state', output: 'stateN' }];
    const fold: Fold = { output: 'output', how: 'histogram' };
    const steps: Feeds[] = [0.1, 0.5, -0.3].map((fill) => ({ input: f32([1, 512], fill), sr }));
    const carried = [{ ...steps[0], state: feeds.state! }, ...steps.slice(1)];
    await engine.fold([session], carried, links, [fold]);
    const { counts, ...extremes } = binsOf((await engine.folded(session, fold))!);
    expect(await engine.folded(session, fold)).toBeUndefined();
    const values = (await session.runSteps!(carried, links)).map(({ output }) => close(output));
    expect(counts.reduce((sum, count) => sum + count)).toBe(3);
    expect(extremes).toMatchObject({ min: Math.min(...values), max: Math.max(...values), nonfinite: 0 });
    await session.close();
  });

  it('keeps held values between runs', async () => {
    const session = await engine.open({ bytes: await readFile(silero) });
    await session.hold({ sr, state: feeds.state! });
    expect(close((await session.run({ input: feeds.input! })).output)).toBeCloseTo(0.016403, 5);
    await session.close();
    await expect(session.run(feeds)).rejects.toThrow(/the session is closed/);
  });

  it('runs many steps at once as it runs one after the other, state included', async () => {
    const session = await engine.open({ path: silero });
    const { runSteps, ...single } = session;
    expect(runSteps).toBeDefined();
    const wave = (step: number): Value => ({
      ...f32([1, 512]),
      data: Float32Array.from({ length: 512 }, (_, i) => Math.sin((i + 512 * step) / 7)),
    });
    const steps = Array.from({ length: 70 }, (_, step) => ({ input: wave(step), sr, ...(step === 0 && { state: feeds.state! }) }));
    const links = [{ input: 'state', output: 'stateN' }];
    const collect = async (by: Session) => {
      const found: number[] = [];
      for await (const { outputs, feeds: given } of runSample(by, { id: 's', steps }, links))
        found.push(close(outputs.output), Number(given.state?.data[0]));
      return found;
    };
    const one = await collect(single);
    expect(await collect(session)).toEqual(one);
    expect(new Set(one).size).toBeGreaterThan(60);
    await session.close();
  });

  it('says in the words of the runtime why a model or a run is refused, and goes on', async () => {
    await expect(engine.open({ path: broken })).rejects.toThrow(/^tersor-broken-\d+.onnx: protobuf parsing failed. \[MODEL_INVALID\]$/i);
    const session = await engine.open({ path: silero });
    await expect(session.run({ ...feeds, state: f32([1, 1, 128]) })).rejects.toThrow(
      /^silero_vad_v5.onnx: Got invalid dimensions for input: state for the following indices index: 0 Got: 1 Expected: 2 .*\[RUN_FAILED\]$/,
    );
    expect(close((await session.run(feeds)).output)).toBeCloseTo(0.016403, 5);
  });

  it('times sessions against each other, round by round', async () => {
    const sessions = [await engine.open({ path: silero }), await engine.open({ path: silero })];
    const times = await engine.race(sessions, feeds, { rounds: 21, warmup: 2 });
    expect(times.map((rounds) => rounds.length)).toEqual([21, 21]);
    expect(times.flat().every((ms) => ms > 0)).toBe(true);
    expect(await engine.peakMemory()).toBeGreaterThan(30e6);
  });
});

describe('without onnxruntime-node', () => {
  const refuse =
    "export const resolve = (name, context, next) => { if (name === 'onnxruntime-node') throw new Error('not here'); return next(name, context); }";
  const hooks = `import { register } from 'node:module'; register('data:text/javascript,${encodeURIComponent(refuse).replaceAll("'", '%27')}');`;
  afterEach(() => vi.unstubAllEnvs());

  it('falls back to WebAssembly, says so, and says what to install', async () => {
    vi.stubEnv('NODE_OPTIONS', `--import=data:text/javascript,${encodeURIComponent(hooks)}`);
    const engine = await openEngine({ target: 'node' });
    expect(engine.name).toMatch(/^onnxruntime-web/);
    expect(engine.notice).toBe(
      'onnxruntime-node cannot be loaded (not here); using onnxruntime-web, which is slower. Install it with: ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node',
    );
    await engine.close();
  });
});

describe('the child process', () => {
  it('is ended by the abort signal, in the middle of a run too', async () => {
    const stop = new AbortController();
    const engine = await openEngine({ signal: stop.signal });
    const session = await engine.open({ path: silero });
    const race = engine.race([session], feeds, { rounds: 1e9, warmup: 0 });
    setTimeout(() => stop.abort(), 50);
    await expect(race).rejects.toThrow('stopped on request [INTERRUPTED]');
    await expect(session.run(feeds)).rejects.toThrow('[INTERRUPTED]');
    await engine.close();
  });

  it('neither holds its parent nor outlives it', async () => {
    const host = new URL('../../dist/engine/engine-node.js', import.meta.url).href;
    const program = `const { openEngine } = await import(${JSON.stringify(host)});
      const engine = await openEngine();
      const session = await engine.open({ path: ${JSON.stringify(silero)} });
      process.on('exit', () => console.log('idle'));`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'idle\n', stderr: '' });
  });

  it('is an error when it crashes, with what it was doing', async () => {
    const engine = await openEngine();
    const session = await engine.open({ path: silero });
    const race = engine.race([session], feeds, { rounds: 1e9, warmup: 0 });
    vi.mocked(fork).mock.results.at(-1)?.value.kill('SIGSEGV');
    await expect(race).rejects.toThrow(/the runtime died while timing \(ended by SIGSEGV\)/);
    await expect(session.run(feeds)).rejects.toThrow('[ENGINE_CRASHED]');
    await engine.close();
  });
});
