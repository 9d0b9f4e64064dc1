import { type Header, openDecoder, openTsr, readNested } from '@tersor/loader';
import { explained } from './compress/unpack-file.ts';
import { TersorError } from './core/error.ts';
import type { AskedForPrefix, PrefixReport } from './core/packing.ts';
import { type CodedChunk, type CodedStream, encodeHeader } from './formats/tsr/write-header.ts';
import { openScratch } from './io/node-scratch.ts';
import { openFolder, openNodeStore } from './io/node-store.ts';

/**
 * Writes the first bits of a container whose bits are nested as a container of its own. Nothing is coded anew; its checksums are its own.
 * @throws USAGE where its bits are not nested, or there are none so few; FILE_CORRUPT, FILE_UNSUPPORTED, FILE_MISSING, FILE_EXISTS, FILE_WRITE
 */
export async function prefix(input: string, { bits, out, force = false }: AskedForPrefix): Promise<PrefixReport> {
  const { store, name } = await openFolder(input);
  try {
    const source = await store.open(name);
    const decoder = await openDecoder();
    const header = await explained(input, () => openTsr(source, decoder));
    if (!header.nested) throw new TersorError('USAGE', input, 'has no nested bits', 'pack the model with: tersor pack --nested');
    const nested = await explained(input, async () => readNested(header));
    const depth = nested.depths.findLastIndex((each) => each.bits <= bits && each.end <= source.size);
    const found = nested.depths[depth];
    if (!found) {
      const known = nested.depths.map((each) => each.bits).join(', ');
      throw new TersorError('USAGE', input, `has no ${bits} bits`, `it has ${known}`);
    }
    const content = contentOf(header, depth);
    const bytes = encodeHeader(content, decoder.crc32c);
    const scratch = await openScratch(out, { force, inputs: [input] });
    try {
      const folder = await scratch.attempt();
      const output = openNodeStore(folder);
      try {
        const sink = await output.create(scratch.name);
        await sink.write(bytes);
        for (const { offset, length, crc32c } of chunksOf(header, depth)) {
          const chunk = await source.read(offset, length);
          if (decoder.crc32c(chunk) !== crc32c) throw new TersorError('FILE_CORRUPT', input, 'a chunk is damaged', 'get it again');
          await sink.write(chunk);
        }
        await output.commit();
      } catch (error) {
        await output.discard();
        throw error;
      }
      await scratch.publish(folder);
    } finally {
      await scratch.remove();
    }
    const size = bytes.length + found.end - header.dataStart;
    return { input: { path: input, bytes: source.size }, output: { path: out, bytes: size }, bits: found.bits };
  } finally {
    await store.close();
  }
}

/** What the file of the first depths holds: chunks lie one after the other, those that repeat others with them. */
function chunksOf(header: Header, depth: number): Header['streams'][number]['chunks'] {
  const { weights, plain } = readNested(header);
  const all = header.streams.slice(0, plain + (depth + 1) * weights.length).flatMap(({ chunks }) => chunks);
  return [...new Map(all.map((chunk) => [chunk.offset, chunk])).values()];
}

/** What the header of the first depths says. */
function contentOf(header: Header, depth: number): Parameters<typeof encodeHeader>[0] {
  const { file, streams, pieces } = header;
  const { depths, weights, plain, ...rest } = readNested(header);
  const numbers = new Map<number, number>();
  let number = 0;
  const kept = streams.slice(0, plain + (depth + 1) * weights.length).map(({ width, turned, columns, chunks }): CodedStream => {
    const own = chunks.map(({ count, offset, length, crc32c }): CodedChunk => {
      const sameAs = numbers.get(offset);
      if (sameAs === undefined) numbers.set(offset, number);
      number++;
      return sameAs === undefined ? { count, length, crc32c } : { count, sameAs };
    });
    return { width, turned, columns, chunks: own };
  });
  return {
    file: { ...file, sha256: depths[depth]!.sha256 },
    streams: kept,
    pieces,
    nested: { ...rest, depths: depths.slice(0, depth + 1), weights },
  };
}
