import { expect, it } from 'vitest';
import { TersorError } from '../../../src/core/error.ts';
import { randomFor } from '../../../src/core/random.ts';
import { openOnnx } from '../../../src/formats/onnx/open.ts';
import { sizeOnnx } from '../../../src/formats/onnx/write.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import clean from '../../../src/methods/graph/clean.ts';
import { MUTATIONS, spansOf } from '../../fuzz/mutate.ts';
import { onnxSeeds } from '../../fuzz/seeds.ts';
import { graphContext } from '../../support/run-both.ts';

const RUNS = Number(process.env.TERSOR_TEST_RUNS ?? 150);

it('damaged models that can be opened are cleaned, refused with a coded error, and never larger', async () => {
  const { seeds, beside } = onnxSeeds();
  const small = seeds.filter(({ bytes }) => bytes.length < 1_000_000).map((seed) => ({ ...seed, spans: spansOf(seed.bytes) }));
  const kinds = Object.values(MUTATIONS);
  let cleaned = 0;
  for (let i = 0; i < RUNS; i++) {
    const random = randomFor(5, String(i));
    const file = small[Math.floor(random() * small.length)]!;
    const bytes = kinds[Math.floor(random() * kinds.length)]!(file.bytes, file.spans, random);
    try {
      const model = await openOnnx(openMemory({ ...beside, 'm.onnx': bytes }), 'm.onnx');
      const result = await clean.apply(model, { large: false }, graphContext());
      expect(sizeOnnx(result).bytes, `${file.name} ${i}`).toBeLessThanOrEqual(sizeOnnx(model).bytes);
      cleaned++;
    } catch (error) {
      if (!(error instanceof TersorError)) throw new Error(`${file.name} ${i}: ${error instanceof Error ? error.stack : String(error)}`);
      expect(error.code).toMatch(/^FILE_/);
    }
  }
  expect(cleaned).toBeGreaterThan(RUNS / 10);
});
