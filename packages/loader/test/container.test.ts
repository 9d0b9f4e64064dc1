import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Bytes,
  type Decoder,
  openBase,
  openDecoder,
  openTsr,
  placeNested,
  readBase,
  readChunk,
  readNested,
  TsrError,
  unpackFile,
} from '../src/index.ts';
import { referenceDecode } from './support/reference-decoder.ts';

let decoder: Decoder;
beforeAll(async () => {
  decoder = await openDecoder();
});

const fixture = (name: string) => new Uint8Array(readFileSync(fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))));

function sourceOf(bytes: Uint8Array): Bytes {
  return {
    size: bytes.length,
    read: async (offset, length) => {
      if (offset < 0 || offset + length > bytes.length) throw new Error('a read outside of the file');
      return bytes.slice(offset, offset + length);
    },
  };
}

async function unpacked(bytes: Uint8Array): Promise<Uint8Array> {
  const source = sourceOf(bytes);
  const parts: Uint8Array[] = [];
  for await (const part of unpackFile(source, await openTsr(source, decoder), decoder)) parts.push(part);
  return Buffer.concat(parts);
}

/** A file that is a difference, and what it takes to decode it. */
async function onBaseOf(bytes: Uint8Array, base: Uint8Array) {
  const source = sourceOf(bytes);
  const header = await openTsr(source, decoder);
  return { source, header, onBase: await openBase(header, sourceOf(base), decoder) };
}

async function unpackedOn(bytes: Uint8Array, base: Uint8Array): Promise<Uint8Array> {
  const { source, header, onBase } = await onBaseOf(bytes, base);
  const parts: Uint8Array[] = [];
  for await (const part of unpackFile(source, header, decoder, { onBase })) parts.push(part);
  const file = Buffer.concat(parts);
  if (Buffer.compare(await sha256(file), header.file.sha256) !== 0) throw new TsrError('corrupt', 'another file');
  return file;
}

const sha256 = async (bytes: Uint8Array) => new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)));

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Puts right what tells damage: a stranger who means harm does so, too. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = Math.min(view.getUint32(12, true), bytes.length - 24);
  view.setUint32(16, decoder.crc32c(bytes.subarray(24, 24 + length)), true);
  view.setUint32(20, decoder.crc32c(bytes.subarray(0, 20)), true);
  return bytes;
}

describe('files of version 1', () => {
  it.each([
    ['forms.safetensors.tsr', 'forms.safetensors'],
    ['forms.max.tsr', 'forms.safetensors'],
    ['levels.safetensors.tsr', 'levels.safetensors'],
    ['everything.onnx.tsr', 'everything.onnx'],
    ['everything.gguf.tsr', 'everything.gguf'],
    ['opset-7.onnx.tsr', 'opset-7.onnx'],
  ])('%s', async (packed, name) => {
    const bytes = fixture(packed);
    const { file } = await openTsr(sourceOf(bytes), decoder);
    const back = await unpacked(bytes);
    expect(file).toMatchObject({ name, bytes: back.length });
    expect(await sha256(back)).toEqual(file.sha256);
  });

  it.each(['forms.safetensors.tsr', 'forms.max.tsr', 'levels.safetensors.tsr'])(
    '%s is decoded by the description as well',
    async (name) => {
      const source = sourceOf(fixture(name));
      const { streams } = await openTsr(source, decoder);
      for (const stream of streams) {
        for (const chunk of stream.chunks) {
          const coded = await source.read(chunk.offset, chunk.length);
          expect(
            Buffer.compare(referenceDecode(coded, { ...stream, count: chunk.count }), await readChunk(source, stream, chunk, decoder)),
          ).toBe(0);
        }
      }
    },
  );
});

describe('differences to a base', () => {
  const [packed, base] = [fixture('tuned.safetensors.tsr'), fixture('tuned-base.safetensors')];

  it.each([
    ['tuned', [0, 1, 2, 3]],
    ['signs', [0, 4]],
  ])('are put together with it, and decoded by the description as well: %s', async (name, expected) => {
    const [packed, base] = [fixture(`${name}.safetensors.tsr`), fixture(`${name}-base.safetensors`)];
    const { source, header, onBase } = await onBaseOf(packed, base);
    expect(readBase(header)).toEqual([{ name: `${name}-base.safetensors`, bytes: base.length, sha256: await sha256(base) }]);
    expect(await sha256(await unpackedOn(packed, base))).toEqual(header.file.sha256);
    const kinds = new Set<number>();
    for (const stream of header.streams) {
      for (const chunk of stream.chunks) {
        const coded = await source.read(chunk.offset, chunk.length);
        const elements = { ...stream, count: chunk.count };
        if (coded[0] === 6) kinds.add(coded[1]!);
        const back = referenceDecode(coded, elements, await onBase.baseOf(chunk, elements));
        expect(Buffer.compare(back, await readChunk(source, stream, chunk, decoder, onBase))).toBe(0);
      }
    }
    expect([...kinds].sort()).toEqual(expected);
  });

  it('are nothing without it, or with a base of another length', async () => {
    await expect(unpacked(packed)).rejects.toMatchObject({ code: 'base' });
    await expect(unpackedOn(packed, base.subarray(1))).rejects.toMatchObject({ code: 'base' });
  });

  it('any changed bit of the file is an error', async () => {
    const [tiny, tinyBase] = [fixture('tiny.safetensors.tsr'), fixture('tiny-base.safetensors')];
    await expect(unpackedOn(tiny, tinyBase)).resolves.toHaveLength(420);
    for (let bit = 0; bit < tiny.length * 8; bit++) {
      const damaged = tiny.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await expect(unpackedOn(damaged, tinyBase), `bit ${bit}`).rejects.toBeInstanceOf(TsrError);
    }
  });

  it.each(['tuned', 'signs'])('that a stranger made do no harm: %s', async (name) => {
    const [packed, base] = [fixture(`${name}.safetensors.tsr`), fixture(`${name}-base.safetensors`)];
    const random = randomOf(3);
    const headerEnd = 24 + new DataView(packed.buffer, packed.byteOffset).getUint32(12, true);
    for (let i = 0; i < 300; i++) {
      const damaged = packed.slice();
      for (let n = 0; n < 1 + random(3); n++) damaged[12 + random(headerEnd - 12)] = random(256);
      await unpackedOn(withChecksums(damaged), base).catch((error: unknown) => expect(error).toBeInstanceOf(TsrError));
    }
    const { source, header, onBase } = await onBaseOf(packed, base);
    const chunks = header.streams.flatMap((stream) => stream.chunks.map((chunk) => ({ stream, chunk })));
    for (let i = 0; i < 600; i++) {
      const { stream, chunk } = chunks[random(chunks.length)]!;
      const coded = await source.read(chunk.offset, chunk.length);
      for (let n = 0; n < 1 + random(3); n++) coded[random(n % 2 === 0 ? Math.min(64, coded.length) : coded.length)] = random(256);
      const elements = { ...stream, count: chunk.count };
      await onBase.decode(coded, elements, chunk).then(
        (bytes) => expect(bytes).toHaveLength(chunk.count * stream.width),
        (error: unknown) => expect(error).toBeInstanceOf(TsrError),
      );
    }
  });
});

describe('nested bits', () => {
  const packed = fixture('nested.safetensors.tsr');
  /** The file at each depth. */
  const depthsOf = async (bytes: Uint8Array) => {
    const source = sourceOf(bytes);
    const header = await openTsr(source, decoder);
    let at = header.dataStart;
    const take = (length: number) => {
      if (at + length > bytes.length) throw new TsrError('corrupt', 'ends too early');
      at += length;
      return source.read(at - length, length);
    };
    const found: { bits: number; end: number; file: Uint8Array }[] = [];
    for await (const { bits, end, file } of placeNested(header, take, decoder, bytes.length)) found.push({ bits, end, file: file.slice() });
    return found;
  };

  it('a file is valid at each depth, nearer to the whole one at the next, and ends nowhere else', async () => {
    const found = await depthsOf(packed);
    expect(found.map(({ bits }) => bits)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    const whole = found.at(-1)!.file;
    expect(await sha256(whole)).toEqual((await openTsr(sourceOf(packed), decoder)).file.sha256);
    let before = Number.POSITIVE_INFINITY;
    for (const { end, file } of found) {
      const cut = await depthsOf(packed.slice(0, end));
      expect(Buffer.compare(cut.at(-1)!.file, file)).toBe(0);
      const error = file.reduce((sum, byte, i) => sum + (((byte << 24) >> 24) - ((whole[i]! << 24) >> 24)) ** 2, 0);
      expect(error).toBeLessThan(before);
      before = error;
      for (const near of [end - 1, end + 1]) {
        if (near > packed.length) continue;
        await expect(depthsOf(packed.slice(0, near)), `${near} bytes`).rejects.toMatchObject({ code: 'corrupt' });
      }
    }
  });

  it('are decoded by the description as well', async () => {
    const source = sourceOf(packed);
    const header = await openTsr(source, decoder);
    const { plain, weights } = readNested(header);
    const found = await depthsOf(packed);
    const before = (depth: number) => found[depth - 1]?.file ?? new Uint8Array(found[0]!.file.length);
    const starts = weights.map((_, i) => header.file.bytes - [512 + 40960, 512 + 20480][i]!);
    for (const [i, stream] of header.streams.slice(plain).entries()) {
      for (const { offset, length, count } of stream.chunks) {
        const coded = await source.read(offset, length);
        const from = starts[i % weights.length]!;
        const elements = { ...stream, count, beside: before(Math.floor(i / weights.length)).slice(from, from + count) };
        expect(Buffer.compare(referenceDecode(coded, elements), decoder.decode(coded, elements))).toBe(0);
      }
    }
  });

  it('any changed bit is an error', async () => {
    const random = randomOf(5);
    const { dataStart } = await openTsr(sourceOf(packed), decoder);
    // every bit of the header, and some of the chunks, which have checksums of their own
    const bits = [
      ...Array(dataStart * 8).keys(),
      ...Array.from({ length: 200 }, () => dataStart * 8 + random((packed.length - dataStart) * 8)),
    ];
    for (const bit of bits) {
      const damaged = packed.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await expect(depthsOf(damaged), `bit ${bit}`).rejects.toBeInstanceOf(TsrError);
    }
  });

  it('that a stranger made do no harm', async () => {
    const random = randomOf(7);
    const { dataStart } = await openTsr(sourceOf(packed), decoder);
    for (let i = 0; i < 150; i++) {
      const damaged = packed.slice();
      for (let n = 0; n < 1 + random(3); n++) damaged[12 + random(dataStart - 12)] = random(256);
      await depthsOf(withChecksums(damaged)).catch((error: unknown) => expect(error).toBeInstanceOf(TsrError));
    }
  });
});

describe('damage', () => {
  it('of any single bit is an error', async () => {
    const bytes = fixture('opset-7.onnx.tsr');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await expect(unpacked(damaged), `bit ${bit}`).rejects.toBeInstanceOf(TsrError);
    }
  });

  it('at the end is an error, wherever the file ends', async () => {
    const bytes = fixture('opset-7.onnx.tsr');
    for (let length = 0; length < bytes.length; length++)
      await expect(unpacked(bytes.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(TsrError);
    await expect(unpacked(Uint8Array.from([...bytes, 0]))).rejects.toBeInstanceOf(TsrError);
  });

  it.each(['forms.max.tsr', 'levels.safetensors.tsr'])(
    'that checksums do not tell is an error, or other bytes, but nothing worse: %s',
    async (name) => {
      const bytes = fixture(name);
      const headerEnd = 24 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
      const random = randomOf(1);
      for (let i = 0; i < 400; i++) {
        const damaged = bytes.slice();
        for (let n = 0; n < 1 + random(3); n++) damaged[12 + random(headerEnd - 12)] = random(256);
        await unpacked(withChecksums(damaged)).catch((error: unknown) => expect(error).toBeInstanceOf(TsrError));
      }
      const source = sourceOf(bytes);
      const { streams } = await openTsr(source, decoder);
      const chunks = streams.flatMap((stream) => stream.chunks.map((chunk) => ({ stream, chunk })));
      for (let i = 0; i < 600; i++) {
        const { stream, chunk } = chunks[random(chunks.length)]!;
        const coded = await source.read(chunk.offset, chunk.length);
        // forms and tables stand at the beginning
        for (let n = 0; n < 1 + random(3); n++) coded[random(n % 2 === 0 ? Math.min(64, coded.length) : coded.length)] = random(256);
        try {
          expect(decoder.decode(coded, { ...stream, count: chunk.count })).toHaveLength(chunk.count * stream.width);
        } catch (error) {
          expect(error).toBeInstanceOf(TsrError);
        }
      }
    },
  );

  it('of another file, or of a later version, says so', async () => {
    await expect(unpacked(new TextEncoder().encode('this is no container at all'))).rejects.toThrow('is no .tsr file');
    const later = fixture('everything.onnx.tsr');
    later[8] = 2;
    await expect(unpacked(withChecksums(later))).rejects.toThrow('is of version 2.0');
    const minor = fixture('everything.onnx.tsr');
    minor[9] = 7;
    await expect(unpacked(withChecksums(minor))).resolves.toHaveLength(984);
  });

  it('of a file that goes to and fro between more streams than memory holds is an error', async () => {
    const source = sourceOf(fixture('everything.onnx.tsr'));
    const header = await openTsr(source, decoder);
    const read = async (mostHeld: number) => {
      for await (const _ of unpackFile(source, header, decoder, { mostHeld }));
    };
    await expect(read(2 ** 20)).resolves.toBeUndefined();
    await expect(read(16)).rejects.toThrow('takes turns between streams of more than 16 bytes');
  });
});
