import { openDecoder } from '@tersor/loader';
import { TersorError } from '../core/error.ts';
import type { Elements } from '../core/kernels.ts';
import type { Sink, Source } from '../core/source.ts';
import { atDepth, DEPTHS, growTrees, type Lines, symbolsAt, TABLES } from '../formats/tsr/nest.ts';
import { chunkBytes, type PackedStream, packChunks } from '../formats/tsr/pack.ts';
import { type Extent, planStreams, type StreamPlan } from '../formats/tsr/plan-streams.ts';
import { type CodedChunk, encodeHeader } from '../formats/tsr/write-header.ts';
import { openSha256, sha256OfBytes } from '../io/node-sha256.ts';
import type { CodedFile, CodingJob } from './coding-job.ts';

/** Smaller weights are not worth streams of their own: all their bits come first. */
const LEAST_BYTES = 16384;

interface Weight extends Lines {
  readonly extent: Extent;
  readonly firstLine: number;
}

/**
 * Codes a file so that the bits of its 8-bit weights come one after the other: the file is valid at every depth, and exact at the last one. Weights are those stored as signed
 * integers of 8 bits; their lines are rows, or columns where these are spread more unlike each other.
 * @param most  bits of the last depth that is written
 * @throws LAYOUT where there are none
 */
export async function codeNested(
  source: Source,
  extents: readonly Extent[],
  most: number,
  job: CodingJob,
  sink: Pick<Sink, 'write'>,
): Promise<CodedFile> {
  const decoder = await openDecoder();
  const weights = await weightsIn(source, extents);
  if (weights.length === 0) {
    throw new TersorError(
      'LAYOUT',
      source.name,
      'has no weights of 8-bit integers, whose bits could be nested',
      'round it first: tersor rtn --bits 8',
    );
  }
  const trees = growTrees(weights);
  const plan = planStreams(extents, source.size);
  const isNested = (stream: StreamPlan) =>
    weights.some(({ extent }) => stream.parts.length === 1 && stream.parts[0]?.offset === extent.offset);
  const order = [...plan.streams.keys()].sort((a, b) => Number(isNested(plan.streams[a]!)) - Number(isNested(plan.streams[b]!)) || a - b);
  const plain = order.map((index) => plan.streams[index]!).filter((stream) => !isNested(stream));
  const place = new Map(order.map((index, to) => [index, to < plain.length ? to : to + 2]));
  const pieces = plan.pieces.map(({ stream, bytes }) => ({ stream: place.get(stream)!, bytes }));
  const depths = DEPTHS.filter((bits) => bits <= most);
  const sorted = weights.toSorted((a, b) => a.extent.offset - b.extent.offset);

  const { kernels, profile, atOnce, signal } = job;
  const shared = { source, kernels, profile, decoder, atOnce, digest: sha256OfBytes, ...(signal && { signal }) };
  const streams: PackedStream[] = await packChunks(
    { ...shared, plan: { streams: plain, pieces: pieces.filter(({ stream }) => stream < plain.length) } },
    sink,
  );
  const code = async (name: string, bytes: Uint8Array, columns: number, beside?: Uint8Array) => {
    const chunks: CodedChunk[] = [];
    let length = 0;
    const step = chunkBytes({ width: 1, columns });
    for (let at = 0; at < bytes.length; at += step) {
      if (signal?.aborted) throw new TersorError('INTERRUPTED', source.name, 'stopped while it was packed');
      const part = bytes.subarray(at, at + step);
      const elements: Elements = { count: part.length, width: 1, turned: false, columns };
      const coded = await kernels.encodeChunk(part, elements, profile, undefined, beside?.subarray(at, at + step));
      await sink.write(coded);
      chunks.push({ count: part.length, length: coded.length, crc32c: decoder.crc32c(coded) });
      length += coded.length;
    }
    const stream = { name, type: 'i8', width: 1, turned: false, columns };
    streams.push({ ...stream, chunks, length, forms: new Map([['planes', 1]]), plan: { ...stream, bytes: bytes.length, parts: [] } });
  };
  await code('trees', trees.tables, 256);
  await code('lines', trees.classes, 0);
  const sums: Uint8Array[] = [];
  const total = depths.length * sorted.length;
  for (const [depth, bits] of depths.entries()) {
    for (const [i, weight] of sorted.entries()) {
      const beside = depth === 0 ? new Uint8Array(weight.codes.length) : atDepth(weight, trees, weight.firstLine, depth - 1);
      await code(`${weight.extent.name} at ${bits} bits`, symbolsAt(weight, trees, weight.firstLine, depth), weight.extent.columns, beside);
      job.onProgress?.({ phase: 'pack', done: depth * sorted.length + i + 1, total });
    }
    sums.push(await digestAt(source, sorted, (weight) => atDepth(weight, trees, weight.firstLine, depth)));
  }
  const file = { name: source.name, bytes: source.size, sha256: sums.at(-1)! };
  const nested = {
    trees: trees.count,
    tables: TABLES,
    depths: depths.map((bits, depth) => ({ bits, sha256: sums[depth]! })),
    weights: sorted.map(({ inner, lines }) => ({ inner, lines })),
  };
  const header = encodeHeader({ file, streams, pieces, nested }, decoder.crc32c);
  const bytes = streams.reduce((sum, { length }) => sum + length, header.length);
  return { header, streams, bytes, sha256: Buffer.from(file.sha256).toString('hex') };
}

async function weightsIn(source: Source, extents: readonly Extent[]): Promise<Weight[]> {
  const found: Weight[] = [];
  let firstLine = 0;
  const taken = extents.filter(({ type, columns, bytes }) => type === 'i8' && columns > 1 && bytes >= LEAST_BYTES && bytes % columns === 0);
  let end = 0;
  for (const extent of taken.toSorted((a, b) => a.offset - b.offset)) {
    if (extent.offset < end) continue;
    end = extent.offset + extent.bytes;
    const bytes = await source.read(extent.offset, extent.bytes);
    const codes = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const lines = linesOf(codes, extent.columns);
    found.push({ ...lines, extent, firstLine });
    firstLine += lines.lines;
  }
  return found;
}

/** Rows, or columns where these differ more in how far their codes are spread. */
function linesOf(codes: Int8Array, columns: number): Lines {
  const rows = { codes, inner: columns, lines: codes.length / columns };
  const across = { codes, inner: 1, lines: columns };
  return unlikeness(across) > unlikeness(rows) ? across : rows;
}

/** The variance of the logarithms of the lines' deviations. */
function unlikeness({ codes, inner, lines }: Lines): number {
  const squares = new Float64Array(lines);
  for (let i = 0, line = 0, left = inner; i < codes.length; i++) {
    squares[line]! += codes[i]! ** 2;
    if (--left === 0) [line, left] = [(line + 1) % lines, inner];
  }
  const logarithms = squares.map((sum) => Math.log(1 + (sum * lines) / codes.length));
  const mean = logarithms.reduce((sum, value) => sum + value, 0) / lines;
  return logarithms.reduce((sum, value) => sum + (value - mean) ** 2, 0) / lines;
}

const STEP = 2 ** 22;

/** Of the file with other codes in it. */
async function digestAt(source: Source, weights: readonly Weight[], codesOf: (weight: Weight) => Uint8Array): Promise<Uint8Array> {
  const hash = openSha256();
  let at = 0;
  const upTo = async (end: number) => {
    for (; at < end; at = Math.min(end, at + STEP)) hash.update(await source.read(at, Math.min(STEP, end - at)));
  };
  for (const weight of weights) {
    await upTo(weight.extent.offset);
    hash.update(codesOf(weight));
    at = weight.extent.offset + weight.extent.bytes;
  }
  await upTo(source.size);
  return hash.digest();
}
