import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Feeds } from '../../src/core/engine.ts';
import { makeNode } from '../../src/core/graph.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { externalFiles } from '../../src/engine/external-data.ts';
import { writeOnnx } from '../../src/formats/onnx/write.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';

const VALUES: Feeds = {
  f16: { dtype: 'f16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
  f64: { dtype: 'f64', shape: [1, 1], data: Float64Array.of(0.1) },
  i8: { dtype: 'i8', shape: [1], data: Int8Array.of(-128) },
  i64: { dtype: 'i64', shape: [], data: BigInt64Array.of(-(2n ** 60n)) },
  u8: { dtype: 'u8', shape: [1], data: Uint8Array.of(255) },
  bool: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
  string: { dtype: 'string', shape: [2], data: ['ä', ''] },
};

let folder = '';

/** Hands every input through to an output, and adds a weight that lies beside the model. */
async function writeModels(): Promise<void> {
  const infos = Object.entries(VALUES).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const types = handMade({
    nodes: infos.map(({ name }) => makeNode('Identity', [name], [`${name}_out`])),
    weights: {},
    inputs: infos,
    outputs: infos.map((info) => ({ ...info, name: `${info.name}_out` })),
  });
  const external = handMade({
    nodes: [makeNode('MatMul', ['x', 'w'], ['y'])],
    weights: { w: [64, 3] },
    inputs: [tensorInfo('x', 'f32', ['N', 64])],
    outputs: [tensorInfo('y', 'f32', ['N', 3])],
  });
  const store = openNodeStore(folder);
  await writeOnnx(types, store, 'types.onnx');
  await writeOnnx(external, store, 'external.onnx', { externalAbove: 0 });
  await store.commit();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-engine-'));
  await writeModels();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('values', () => {
  const y: Record<string, number> = {};

  it.each(['node', 'wasm'] as const)('cross to %s and back as they are, and weights beside the model are found', async (target) => {
    const engine: Engine = await openEngine({ target });
    try {
      const session = await engine.open({ path: join(folder, 'types.onnx') });
      const outputs = await session.run(VALUES);
      expect(Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name.replace('_out', ''), value]))).toEqual(VALUES);
      expect(session.inputs.map(({ dtype }) => dtype)).toEqual(Object.keys(VALUES));
      const external = await engine.open({ path: join(folder, 'external.onnx') });
      const result = await external.run({ x: { dtype: 'f32', shape: [1, 64], data: new Float32Array(64).fill(1) } });
      y[target] = Number(result.y?.data[0]);
    } finally {
      await engine.close();
    }
  });

  it('are the same on both', () => {
    expect(y.node).not.toBe(0);
    expect(y.wasm).toBeCloseTo(y.node ?? Number.NaN, 4);
  });
});

it('finds the names of external data, but none that lead out of the folder', () => {
  const entry = (name: string) => [0x0a, 8, ...new TextEncoder().encode('location'), 0x12, name.length, ...new TextEncoder().encode(name)];
  const bytes = Uint8Array.from([
    1,
    2,
    ...entry('a.data'),
    3,
    ...entry('sub/b.bin'),
    ...entry('../c'),
    ...entry('/etc/passwd'),
    ...entry('a.data'),
    ...entry('C:\\d'),
  ]);
  expect(externalFiles(bytes)).toEqual(['a.data', 'sub/b.bin']);
  expect(externalFiles(bytes.subarray(0, 14))).toEqual([]);
});
