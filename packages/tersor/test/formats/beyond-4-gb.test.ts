import { mkdtempSync, openSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decode } from '../../src/core/decode.ts';
import type { Format } from '../../src/core/format.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import type { Source, Store } from '../../src/core/source.ts';
import { gguf } from '../../src/formats/gguf/gguf.ts';
import { loadFrom } from '../../src/formats/ranges.ts';
import { safetensors } from '../../src/formats/safetensors/safetensors.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { ggufBytes, tensor } from '../support/gguf-bytes.ts';

/** Rows and columns of a tensor of bytes before the one that is looked at, which no disk has to hold. */
const GAP = [2 ** 20, 5120];
const GAP_BYTES = 2 ** 20 * 5120;
const FAR = [3, 32];
const values = Float32Array.from({ length: 96 }, (_, i) => i - 40.5);
const bytes = new Uint8Array(values.buffer);

const folder = mkdtempSync(join(tmpdir(), 'tersor-far-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The beginning of a file whose `far` lies behind the gap. */
const HEADS: readonly (readonly [Format, Uint8Array])[] = [
  [
    gguf,
    ggufBytes({ tensors: [{ ...tensor('gap', [...GAP].reverse()), type: 24 }, tensor('far', [...FAR].reverse(), BigInt(GAP_BYTES))] }),
  ],
  [safetensors, safetensorsHead()],
];

function safetensorsHead(): Uint8Array {
  const json = JSON.stringify({
    gap: { dtype: 'I8', shape: GAP, data_offsets: [0, GAP_BYTES] },
    far: { dtype: 'F32', shape: FAR, data_offsets: [GAP_BYTES, GAP_BYTES + bytes.length] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Math.ceil(json.length / 8) * 8));
  return Buffer.concat([length, Buffer.from(json.padEnd(Number(length.readBigUInt64LE())))]);
}

describe.each(HEADS)('$0.id', (format, head) => {
  const {
    id,
    extensions: [extension = ''],
  } = format;
  const path = join(folder, `model${extension}`);
  writeFileSync(path, head);
  truncateSync(path, head.length + GAP_BYTES);
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, head.length + GAP_BYTES);
  const { size, blocks } = statSync(path);

  it.skipIf(blocks * 512 > size / 10)('values behind 5 GB are read, whole and row by row', async () => {
    const store = openNodeStore(folder);
    const { weights, meta } = await format.open(store, `model${extension}`);
    expect(meta.files?.[0]?.bytes).toBe(size);
    const [far, gap] = [weights.get('far'), weights.get('gap')];
    expect(decode((await far?.load()) ?? never())).toEqual(values);
    expect(decode((await far?.load.rows?.(1, 3)) ?? never())).toEqual(values.slice(32));
    const rows = (await gap?.load.rows?.(2 ** 20 - 2, 2 ** 20)) ?? never();
    expect(rows).toMatchObject({ shape: [2, 5120] });
    expect(decode(rows).every((value) => value === 0)).toBe(true);
    await store.close();
  });

  it('values behind 5 GB are written where the header says', async () => {
    const written = watchingStore();
    const zeros = new Uint8Array(2 ** 20);
    const nothing: Source = { name: 'nothing', size: GAP_BYTES, read: async (_, length) => zeros.subarray(0, length) };
    const gap: Weight = {
      id: 'gap',
      shape: GAP,
      dtype: 'i8',
      layout: { kind: 'dense', dtype: 'i8' },
      load: loadFrom({ source: nothing, offset: 0, length: GAP_BYTES }, GAP, { kind: 'dense', dtype: 'i8' }),
    };
    const far: Weight = {
      id: 'far',
      shape: FAR,
      dtype: 'f32',
      layout: { kind: 'dense', dtype: 'f32' },
      load: async () => ({ kind: 'dense', dtype: 'f32', shape: FAR, bytes }),
    };
    const model: Model = {
      format: id,
      meta: { properties: new Map(), producer: '', format: undefined },
      weights: new Map([
        ['gap', gap],
        ['far', far],
      ]),
      execution: new Map(),
    };
    const kernels = await openKernels({ threads: 0 });
    const { bytes: total } = await format.write(model, written.store, `m${extension}`, { target: 'node', kernels });
    expect(written.size()).toBe(total);
    const again = await format.open({ ...openMemory(), open: async () => written.source() }, `m${extension}`);
    expect(decode((await again.weights.get('far')?.load()) ?? never())).toEqual(values);
  });
});

/** A store that keeps what is not zero of one file, chunk by chunk. */
function watchingStore() {
  const chunks: { readonly at: number; readonly chunk: Uint8Array }[] = [];
  let size = 0;
  const store: Store = {
    ...openMemory(),
    create: async () => ({
      async write(chunk) {
        if (chunk.length < 2 ** 20) chunks.push({ at: size, chunk: chunk.slice() });
        size += chunk.length;
      },
      close: async () => {},
    }),
  };
  const source = (): Source => ({
    name: 'written',
    size,
    async read(offset, length) {
      const part = new Uint8Array(length);
      for (const { at, chunk } of chunks) {
        const [from, to] = [Math.max(at, offset), Math.min(at + chunk.length, offset + length)];
        if (from < to) part.set(chunk.subarray(from - at, to - at), from - offset);
      }
      return part;
    },
  });
  return { store, source, size: () => size };
}

function never(): never {
  throw new Error('it was not read');
}
