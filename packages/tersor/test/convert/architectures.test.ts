import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openModel } from '../../src/compress/open-model.ts';
import { convert } from '../../src/convert.ts';
import { decode } from '../../src/core/decode.ts';
import { RECORDED_MODELS, recordedModel, writeRecorded } from '../support/architectures.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-architectures-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);

async function read(path: string) {
  const { model, close } = await openModel(path);
  const weights = [...model.weights.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const values = await Promise.all(weights.map(async ({ id, load }) => [id, decode(await load())] as const));
  await close();
  return { values: new Map(values), shapes: new Map(weights.map(({ id, shape }) => [id, shape])), properties: model.meta.properties };
}

// as they compute in llama.cpp: llama-cpp-architectures.models.test.ts
it.each(RECORDED_MODELS)('%s goes to GGUF and comes back by the names and shapes of transformers', async (name) => {
  const recorded = recordedModel(name);
  const weights = await writeRecorded(at('first'), recorded);
  expect((await convert(at('first'), { output: at('first.gguf') })).leftOut).toEqual([]);
  expect((await convert(at('first.gguf'), { output: `${at('back')}/` })).notes).toEqual([]);
  const { values, shapes } = await read(at('back', 'model.safetensors'));
  expect(Object.fromEntries(shapes)).toEqual(recorded.shapes);
  const isNear = (a: Float32Array, b: Float32Array | undefined) => a.every((value, i) => Math.abs(value - (b?.[i] ?? 9)) < 1e-7);
  expect([...weights].filter(([id, floats]) => !isNear(floats, values.get(id))).map(([id]) => id)).toEqual([]);
  const config = JSON.parse(readFileSync(at('back', 'config.json'), 'utf8'));
  // to ggml, Mistral is a Llama
  expect(config.model_type).toBe(name === 'mistral' ? 'llama' : recorded.config.model_type);
  await convert(at('back'), { output: at('second.gguf') });
  const [first, second] = [await read(at('first.gguf')), await read(at('second.gguf'))];
  expect(second.values).toEqual(first.values);
  const facts = ({ properties }: typeof first) =>
    Object.fromEntries([...properties].filter(([key]) => !/^(general|tokenizer)\./.test(key)));
  expect(facts(second)).toMatchObject(facts(first));
});
