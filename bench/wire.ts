/**
 * How small `tersor pack` makes real files, beside zstd -19, xz -9, brotli -11, zipnn and lmzip, and how fast it is on one core: `npm run bench:wire`, after a build.
 *
 *   npm run bench:wire                      every file
 *   npm run bench:wire -- --only lm,silero  files whose name has one of these
 *   npm run bench:wire -- base              fine-tuned models and later versions, against a base: see wire/base.ts
 *   npm run bench:wire -- nested            bits one after the other, beside weights of as many: see wire/nested.ts
 *   npm run bench:wire -- lossy             weights that are rounded, beside nncodec: see wire/lossy.ts
 *   npm run bench:wire -- tasks             what a download takes at a task's quality: see wire/tasks.ts
 *
 * Sizes of the peers are kept by the file's content, for they do not depend on the machine; brotli's decoder is timed in the same run. Times are of the processor,
 * the best of several rounds, one thread, in WebAssembly. nncodec, the third codec for networks, quantizes and gives no file back.
 * Writes bench/results/wire.json. Exits with 1 when a goal is missed: see GOALS.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';
import { openDecoder, openTsr, unpackFile } from '@tersor/loader';
import { encodeChunk } from '../packages/tersor/src/kernels/coder/encode-chunk.ts';
import { compileKernels, wasmLoops } from '../packages/tersor/src/kernels/wasm.ts';
import { pack } from '../packages/tersor/src/pack.ts';
import { cached, digestOf, remember } from './cache.ts';
import { pythonWith } from './peers/venv.ts';
import { saveResults } from './results.ts';
import { corpus, type WireFile } from './wire/corpus.ts';

/** Bytes against the best peer: on average, and of any file. MB/s of one core: coding; decoding, half of the files and every file. Decoding against brotli's. */
const GOALS = { mean: 0.995, worst: 1.005, encode: 20, decode: 150, slowest: 120, brotli: 3 };
const PEERS = ['zstd -19', 'xz -9', 'brotli -11', 'zipnn', 'lmzip'] as const;
const PACKAGES = ['zstandard==0.25.0', 'brotli==1.2.1', 'zipnn==0.5.4', 'lmzip==1.3.0'];
const SCRIPT = fileURLToPath(new URL('peers/wire.py', import.meta.url));
const BROTLI = 'brotli -11';
const ROUNDS = 5;
/** A round takes at least as long; short ones are repeated within it. */
const ROUND_MS = 60;

interface Row {
  readonly file: string;
  readonly what: string;
  readonly bytes: number;
  readonly packed: number;
  /** With the profile max. */
  readonly max: number;
  readonly peers: Readonly<Record<string, number | string>>;
  readonly best: string;
  /** Against the best peer. */
  readonly ratio: number;
  /** MB/s of the file's bytes. */
  readonly encode: number;
  readonly decode: number;
  readonly brotliDecode: number;
}

const { values: flags, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
if (positionals[0] === 'lossy') {
  await (await import('./wire/lossy.ts')).lossy(flags.only?.split(','));
  process.exit();
}
if (positionals[0] === 'tasks') {
  await (await import('./wire/tasks.ts')).tasks(flags.only?.split(','));
  process.exit();
}
if (positionals[0] === 'nested') {
  await (await import('./wire/nested.ts')).nested(flags.only?.split(','));
  process.exit();
}
if (positionals[0] === 'base') {
  await (await import('./wire/base.ts')).base(flags.only?.split(','));
  process.exit();
}
const python = pythonWith(PACKAGES);
if (!python) {
  console.log('skipped: no Python');
  process.exit(0);
}
const decoder = await openDecoder();
const loops = wasmLoops(await compileKernels());
const rows: Row[] = [];
for (const file of await corpus(flags.only?.split(','))) {
  const row = await measure(file);
  rows.push(row);
  print(row);
}
if (rows.length === 0) {
  console.log('skipped: no file');
  process.exit(0);
}
conclude();

async function measure({ name, what, path, elements }: WireFile): Promise<Row> {
  const bytes = readFileSync(path);
  const packedPath = cached(`wire/${name}.tsr`);
  await pack(path, { out: packedPath, force: true, threads: 0 });
  const packed = new Uint8Array(readFileSync(packedPath));
  const max = (await pack(path, { profile: 'max', dryRun: true, threads: 0 })).output.bytes;
  const peers: Record<string, number | string> = {};
  for (const peer of PEERS) peers[peer] = await sizeOf(peer, path, elements, bytes);
  const [best = '', least = 0] = Object.entries(peers)
    .flatMap(([peer, size]) => (typeof size === 'number' ? [[peer, size] as const] : []))
    .reduce((a, b) => (b[1] < a[1] ? b : a));
  const speed = (milliseconds: number) => bytes.length / 1e3 / milliseconds;
  return {
    file: name,
    what,
    bytes: bytes.length,
    packed: packed.length,
    max,
    peers,
    best,
    ratio: packed.length / least,
    ...(await times(bytes, packed, speed)),
    brotliDecode: speed(await processorMs(() => void brotliDecompressSync(readFileSync(keptBrotli(bytes))))),
  };
}

/** Of what `pack` made: the same chunks coded again, and decoded. */
async function times(
  bytes: Uint8Array,
  packed: Uint8Array,
  speed: (milliseconds: number) => number,
): Promise<Pick<Row, 'encode' | 'decode'>> {
  const source = { size: packed.length, read: async (offset: number, length: number) => packed.subarray(offset, offset + length) };
  const { streams, ...header } = await openTsr(source, decoder);
  const back: Uint8Array[] = [];
  const chunks = streams.flatMap((stream) =>
    stream.chunks.map((chunk) => ({ ...stream, ...chunk, coded: packed.subarray(chunk.offset, chunk.offset + chunk.length) })),
  );
  const decoded = chunks.map((chunk) => ({ chunk, bytes: decoder.decode(chunk.coded, chunk) }));
  for await (const part of unpackFile(source, { streams, ...header }, decoder)) back.push(part);
  if (Buffer.compare(Buffer.concat(back), bytes) !== 0) throw new Error('another file came back');
  const encode = await processorMs(() => {
    for (const { chunk, bytes } of decoded) encodeChunk(loops, bytes, chunk);
  });
  const decode = await processorMs(() => {
    for (const chunk of chunks) {
      if (decoder.crc32c(chunk.coded) !== chunk.crc32c) throw new Error('a wrong checksum');
      decoder.decode(chunk.coded, chunk);
    }
  });
  return { encode: speed(encode), decode: speed(decode) };
}

/** Milliseconds of the processor, the least of several rounds after one that does not count. */
async function processorMs(work: () => void): Promise<number> {
  const timed = (times: number) => {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / times;
  };
  const first = timed(1);
  const times = Math.max(1, Math.ceil(ROUND_MS / first));
  return Math.min(...Array.from({ length: ROUNDS }, () => timed(times)));
}

/** Bytes, or why there is no number. */
async function sizeOf(peer: (typeof PEERS)[number], path: string, elements: string, bytes: Uint8Array): Promise<number | string> {
  const out = peer === BROTLI ? keptBrotli(bytes) : cached('wire/peer.out');
  const make = (): number | string => {
    const args = ['-W', 'ignore', SCRIPT, peer, path, elements, out];
    const said = JSON.parse(execFileSync(python!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return said.same ? said.bytes : 'gives another file back';
  };
  try {
    return await remember(`wire-${peer.replace(' ', '')}-${digestOf(elements, bytes)}`, make);
  } catch {
    return 'fails';
  }
}

function keptBrotli(bytes: Uint8Array): string {
  return cached(`wire-${digestOf(bytes)}.br`);
}

function print({ file, what, bytes, packed, max, peers, best, ratio, encode, decode, brotliDecode }: Row): void {
  const share = (size: number | string | undefined) =>
    (typeof size === 'number' ? `${((size / bytes) * 100).toFixed(2)}` : '–').padStart(6);
  const sizes = PEERS.map((peer) => `${peer} ${share(peers[peer])}`).join('  ');
  console.log(
    `${file.padEnd(26)} ${what.padEnd(20)} ${(bytes / 1e6).toFixed(2).padStart(6)} MB  tersor ${share(packed)} max ${share(max)}  ${sizes}  %`,
  );
  console.log(
    `${''.padEnd(26)} ${ratio.toFixed(4)} of ${best}; MB/s: coding ${encode.toFixed(0)}, decoding ${decode.toFixed(0)}, brotli's decoding ${brotliDecode.toFixed(0)}`,
  );
}

function conclude(): void {
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  const figures = {
    mean: Math.exp(rows.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / rows.length),
    worst: Math.max(...rows.map(({ ratio }) => ratio)),
    encode: median(rows.map(({ encode }) => encode)),
    decode: median(rows.map(({ decode }) => decode)),
    slowest: Math.min(...rows.map(({ decode }) => decode)),
    brotli: median(rows.map(({ decode, brotliDecode }) => decode / brotliDecode)),
  };
  const missed = Object.entries(GOALS).filter(([name, goal]) => {
    const value = figures[name as keyof typeof GOALS];
    return name === 'mean' || name === 'worst' ? value > goal : value < goal;
  });
  console.log(
    `\n${rows.length} files: ${figures.mean.toFixed(4)} of the best peer's bytes, ${figures.worst.toFixed(4)} at worst; MB/s: coding ${figures.encode.toFixed(0)}, decoding ${figures.decode.toFixed(0)}, ${figures.slowest.toFixed(0)} at least; ${figures.brotli.toFixed(1)} times brotli's`,
  );
  if (!flags.only)
    saveResults('wire', { figures, files: rows }, Object.fromEntries(PACKAGES.map((each) => each.split('==') as [string, string])));
  for (const [name, goal] of missed) console.log(`missed: ${name} is to be ${goal}`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}
