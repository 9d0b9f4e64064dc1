import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOn } from '../../../packages/tersor/test/support/runtimes.ts';
import { hasBrowser } from '../../../tools/browser.ts';
import { embeddings } from '../page/tasks/embed-sentences.js';
import { findModels } from '../server/find-models.mjs';
import { difference, type OpenPage, openPage } from './open-page.ts';

const { mobilenet, minilm } = findModels({});
const missing = [mobilenet, minilm].flatMap(({ missing: why }) => why ?? []);
if (missing.length > 0) console.warn(`skipped: ${missing.join(' ')}`);

describe.skipIf(missing.length > 0 || !hasBrowser())('larger models in Chromium', () => {
  let open: OpenPage;
  beforeAll(async () => {
    const given = ({ model, beside }: typeof minilm) =>
      model && { path: model.path, beside: beside.filter((file) => dirname(file) === dirname(model.path)).map((file) => basename(file)) };
    const [picture, sentences] = [given(mobilenet), given(minilm)];
    open = await openPage({ ...(picture && { mobilenet: picture }), ...(sentences && { minilm: sentences }) });
  });
  afterAll(() => open?.close());

  describe.each(['mobilenet', 'minilm'] as const)('%s', (id) => {
    it.each(['original', 'compressed'] as const)('%s: answers as in Node', async (which) => {
      const { feeds, answers } = await open.answered(id);
      const bytes = await readFile(open.paths[id]?.[which] ?? '');
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { type, shape: dims, data }]));
      const [inBrowser] = Object.values(answers[which]);
      const [inWasm] = Object.values(await runOn('web', bytes, inputs));
      const [native] = Object.values(await runOn('node', bytes, inputs));
      const scale = Math.max(...Array.from(native ?? [], Math.abs));
      expect(difference(inBrowser?.data ?? [], inWasm ?? [])).toBeLessThanOrEqual(1e-6 * scale);
      expect(difference(inBrowser?.data ?? [], native ?? [])).toBeLessThanOrEqual(1e-4 * scale);
    });
  });

  it('shows the same first answer of both', async () => {
    expect(await open.page.locator('#mobilenet .verdict').textContent()).toContain('Both see: wall clock');
    expect(await open.page.locator('#minilm .verdict').textContent()).toContain('Both put them in the same order');
    expect(open.complaints).toEqual([]);
  });

  it('embeds sentences as vectors of length 1', async () => {
    const { feeds, answers } = await open.answered('minilm');
    const [hidden] = Object.values(answers.original);
    if (!hidden || !feeds.attention_mask) throw new Error('there are no answers');
    for (const vector of embeddings(hidden, feeds.attention_mask)) expect(Math.hypot(...vector)).toBeCloseTo(1, 9);
  });
});
