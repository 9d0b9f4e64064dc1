import { expect, it } from 'vitest';
import { toGguf } from '../../src/convert/to-gguf.ts';
import { TersorError } from '../../src/core/error.ts';
import { randomFor } from '../../src/core/random.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { checkpointOfTiny, TINY_CONFIG, TINY_TOKENIZER } from '../support/tiny-llama.ts';
import { jsonDamages } from './mutate-json.ts';

const INPUTS = 1000;

it(`${INPUTS} damaged configs and vocabularies become a GGUF model or a coded error`, async () => {
  const kernels = await openKernels({ threads: 0 });
  const checkpoint = checkpointOfTiny();
  const rope = { rope_type: 'llama3', factor: 8, original_max_position_embeddings: 16, low_freq_factor: 1, high_freq_factor: 4 };
  const words = {
    normalizer: { type: 'Prepend' },
    model: { type: 'BPE', byte_fallback: true, vocab: { a: 0, b: 1, ab: 5 }, merges: ['a b'] },
  };
  const files = {
    config: [
      { ...TINY_CONFIG, rope_scaling: rope },
      { ...TINY_CONFIG, model_type: 'mistral' },
    ],
    tokenizer: [TINY_TOKENIZER, words],
    settings: [{ bos_token: 'a', eos_token: { content: 'b' }, chat_template: [{ name: 'default', template: 'x' }] }],
  };
  const outcomes: Record<string, number> = {};
  const start = process.cpuUsage();
  for (let i = 0; i < INPUTS; i++) {
    const random = randomFor(1, String(i));
    const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
    const [config, tokenizer, settings] = [pick(files.config), pick(files.tokenizer), pick(files.settings)].map((value) =>
      JSON.stringify(value),
    );
    const texts = { config: config ?? '', tokenizer: tokenizer ?? '', settings: settings ?? '' };
    const which = pick(['config', 'config', 'tokenizer', 'tokenizer', 'settings'] as const);
    const damages = Object.entries(jsonDamages(new TextEncoder().encode(texts[which])));
    const [kind, damage] = pick(damages);
    let damaged: unknown;
    try {
      damaged = JSON.parse(new TextDecoder().decode(damage(random)));
    } catch {
      continue; // what is no JSON does not come so far
    }
    if (typeof damaged !== 'object' || damaged === null || Array.isArray(damaged)) continue;
    const read = {
      config: JSON.parse(texts.config),
      tokenizer: JSON.parse(texts.tokenizer),
      settings: JSON.parse(texts.settings),
      [which]: damaged,
    };
    try {
      toGguf(checkpoint, { ...read, configs: [read.config], name: 'fuzzed' }, kernels);
      outcomes.converted = (outcomes.converted ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof TersorError) || error.code === 'INTERNAL')
        throw new Error(`input ${i} (${which}, ${kind}): ${JSON.stringify(damaged)}`, { cause: error });
      outcomes[error.code] = (outcomes[error.code] ?? 0) + 1;
    }
  }
  await kernels.close();
  expect((process.cpuUsage(start).user + process.cpuUsage(start).system) / 1000).toBeLessThan(20_000);
  expect(outcomes.converted).toBeGreaterThan(INPUTS / 20);
  expect(outcomes.FILE_CORRUPT).toBeGreaterThan(INPUTS / 20);
  expect(outcomes.FILE_UNSUPPORTED).toBeGreaterThan(INPUTS / 100);
});
