import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasBrowser } from '../../../../tools/browser.ts';
import type { Engine, Feeds } from '../../src/core/engine.ts';
import { openBrowserEngine } from '../../src/engine/engine-browser-node.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { MODELS } from '../support/packaged-models.ts';
import { toFeeds } from '../support/to-feeds.ts';

const names = ['dist/silero_vad_v5.onnx', 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', 'models/hey_jarvis_v0.1.onnx'];

describe.skipIf(!hasBrowser())('engine in a browser', () => {
  let inBrowser: Engine;
  let inNode: Engine;
  beforeAll(async () => {
    [inBrowser, inNode] = await Promise.all([openBrowserEngine(), openEngine({ target: 'wasm' })]);
  });
  afterAll(async () => {
    await Promise.all([inBrowser?.close(), inNode?.close()]);
  });

  it.each(names)('computes what the same runtime computes in Node: %s', async (name) => {
    const model = MODELS.find((candidate) => candidate.name === name)!;
    const feeds = toFeeds(model.feeds);
    const [a, b] = await Promise.all([inBrowser.open({ path: model.path }), inNode.open({ path: model.path })]);
    expect(a.inputs).toEqual(b.inputs);
    expect(a.outputs).toEqual(b.outputs);
    const [found, expected] = [await a.run(feeds), await b.run(feeds)];
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [output, value] of Object.entries(expected)) {
      expect(found[output]?.shape).toEqual(value.shape);
      expect(Array.from(found[output]?.data ?? [], Number)).toEqual(Array.from(value.data, Number));
    }
    await a.close();
    await b.close();
  });

  it('names runtime and browser, holds values, times, and says in the words of the runtime what it refuses', async () => {
    expect(inBrowser.name).toMatch(/^onnxruntime-web 1\.\S+ in (Chrome|Chromium|Edge) \d+$/);
    expect(inBrowser.notice).toBeUndefined();
    const silero = MODELS.find(({ name }) => name === names[0])!;
    const { input, state, sr } = toFeeds(silero.feeds) as { input: Feeds[string]; state: Feeds[string]; sr: Feeds[string] };
    const session = await inBrowser.open({ bytes: await readFile(silero.path) });
    await session.hold({ sr, state });
    expect(Object.keys(await session.run({ input }, ['output']))).toEqual(['output']);
    const [times = []] = await inBrowser.race([session], { input }, { rounds: 5, warmup: 1 });
    expect(times).toHaveLength(5);
    expect(await inBrowser.peakMemory()).toBeUndefined();
    await expect(session.run({ input, state: { ...state, shape: [1, 2, 128] } })).rejects.toThrow(
      /Got invalid dimensions.*\[RUN_FAILED\]$/,
    );
    await session.close();
    await expect(inBrowser.open({ bytes: Uint8Array.of(8, 1, 2, 3) })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(inBrowser.open({ path: '/nowhere/model.onnx' })).rejects.toThrow(
      'model.onnx: model.onnx cannot be read (404) [MODEL_INVALID]',
    );
  });

  it('is ended by the abort signal, in the middle of a run too', async () => {
    const stop = new AbortController();
    const engine = await openBrowserEngine({ signal: stop.signal });
    const session = await engine.open({ path: MODELS.find(({ name }) => name === names[2])!.path });
    const race = engine.race([session], toFeeds(MODELS.find(({ name }) => name === names[2])!.feeds), { rounds: 1e9, warmup: 0 });
    setTimeout(() => stop.abort(), 50);
    await expect(race).rejects.toThrow('stopped on request [INTERRUPTED]');
    await engine.close();
    await expect(session.run({})).rejects.toThrow('[INTERRUPTED]');
  });

  it('says so when what was named is no browser', async () => {
    await expect(openBrowserEngine({ browser: '/bin/true' })).rejects.toThrow(
      /^\/bin\/true: does not start: .*\n.*CHROME_PATH \[ENGINE_MISSING\]$/,
    );
    await expect(openBrowserEngine({ browser: '/nowhere/chromium' })).rejects.toThrow(/is no program/);
  });
});
