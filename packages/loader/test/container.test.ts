import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Bytes, type Decoder, openDecoder, openTsr, readChunk, TsrError, unpackFile } from '../src/index.ts';
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

const sha256 = async (bytes: Uint8Array) => new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)));

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
      let seed = 1;
      const random = (below: number) => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        return (seed >>> 8) % below;
      };
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
      for await (const _ of unpackFile(source, header, decoder, mostHeld));
    };
    await expect(read(2 ** 20)).resolves.toBeUndefined();
    await expect(read(16)).rejects.toThrow('takes turns between streams of more than 16 bytes');
  });
});
