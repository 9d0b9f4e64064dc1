/**
 * How small `tersor pack --base` makes fine-tuned models and later versions, beside what finds differences of files: `npm run bench:wire -- base`, after a build.
 *
 * The pairs: models of the fixtures, fine-tuned for a few steps by fine-tune.py (all weights, and the last layers only; as f32, bf16, f16, ONNX), two checkpoints
 * one after the other, what tersor makes of a pair in 8 and 4 bits, and two versions of silero VAD as they were published. Speed is of one core, of the
 * processor, the best of several rounds. Writes bench/results/wire-base.json. Exits with 1 when a peer is smaller, or when it is slower than the default profile is to be.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBase, openDecoder, openTsr } from '@tersor/loader';
import { convert } from '../../packages/tersor/src/convert.ts';
import { encodeOnBase } from '../../packages/tersor/src/kernels/coder/encode-on-base.ts';
import { compileKernels, wasmLoops } from '../../packages/tersor/src/kernels/wasm.ts';
import { pack } from '../../packages/tersor/src/pack.ts';
import { unpack } from '../../packages/tersor/src/unpack.ts';
import { cached, digestOf, remember } from '../cache.ts';
import { pythonWith } from '../peers/venv.ts';
import { saveResults } from '../results.ts';
import { fixtures } from '../tasks/task.ts';

const PACKAGES = [
  'torch==2.15.0',
  'safetensors==0.8.0',
  'onnx==1.23.2',
  'zstandard==0.25.0',
  'zipnn==0.5.4',
  'bsdiff4==1.2.6',
  'xdelta3==0.0.5',
];
const PEERS = ['zstd -19', 'zstd --patch-from', 'xor, zstd -19', 'zipnn delta', 'bsdiff', 'xdelta3'] as const;
/** bsdiff sorts all suffixes: minutes, and much memory, for more. */
const MOST_FOR_BSDIFF = 4e6;
const GOALS = { encode: 20, decode: 150 };
const ROUNDS = 3;
const SCRIPT = fileURLToPath(new URL('../peers/wire-base.py', import.meta.url));
const command = fileURLToPath(new URL('../../packages/tersor/bin/tersor.js', import.meta.url));

interface Pair {
  readonly name: string;
  readonly base: string;
  readonly file: string;
  readonly elements: 'float32' | 'bfloat16' | 'float16';
}

interface Row {
  readonly pair: string;
  readonly bytes: number;
  /** Without a base. */
  readonly alone: number;
  readonly packed: number;
  readonly max: number;
  readonly peers: Readonly<Record<string, number | string>>;
  readonly best: string;
  /** Against the best peer. */
  readonly ratio: number;
  /** MB/s of the file's bytes. */
  readonly encode: number;
  readonly decode: number;
}

export async function base(only?: readonly string[]): Promise<void> {
  const python = pythonWith(PACKAGES);
  if (!python) return console.log('skipped: no Python');
  const rows: Row[] = [];
  for (const pair of await pairs(python)) {
    if (only && !only.some((part) => pair.name.includes(part))) continue;
    const row = await measure(python, pair);
    rows.push(row);
    print(row);
  }
  const mean = Math.exp(rows.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / rows.length);
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const [encode, decode] = [median(rows.map((row) => row.encode)), median(rows.map((row) => row.decode))];
  console.log(
    `\n${rows.length} pairs: ${mean.toFixed(3)} of the best peer's bytes; MB/s, half of the pairs: coding ${encode.toFixed(0)}, decoding ${decode.toFixed(0)}`,
  );
  if (!only) saveResults('wire-base', { mean, encode, decode, pairs: rows }, Object.fromEntries(PACKAGES.map((each) => each.split('=='))));
  process.exitCode = rows.every(({ ratio }) => ratio <= 1) && encode >= GOALS.encode && decode >= GOALS.decode ? 0 : 1;
}

async function pairs(python: string): Promise<Pair[]> {
  const found = fixtures();
  if (!found) return [];
  const folder = cached('wire/base');
  const models = join(found, 'models');
  if (!existsSync(join(folder, 'lm-layers.safetensors'))) {
    mkdirSync(folder, { recursive: true });
    const script = fileURLToPath(new URL('fine-tune.py', import.meta.url));
    execFileSync(python, [script, models, join(found, 'data/text'), join(found, 'data/mnist'), folder], { stdio: 'inherit' });
  }
  const here = (name: string) => join(folder, name);
  const silero = (version: string) =>
    fileURLToPath(new URL(`../../node_modules/@ricky0123/vad-web/dist/silero_vad_${version}.onnx`, import.meta.url));
  const [lm, lenet] = [join(models, 'lm/model.safetensors'), join(models, 'lenet/lenet5-mnist8k.onnx')];
  for (const [name, source] of [
    ['lm-base', lm],
    ['lm', here('lm.safetensors')],
  ] as const) {
    for (const type of ['Q8_0', 'Q4_K_M']) {
      if (!existsSync(here(`${name}-${type}.gguf`))) await blocks(source, join(models, 'lm'), here(`${name}-${type}.gguf`), type);
    }
  }
  for (const [name, source] of [
    ['lenet5-base', lenet],
    ['lenet5', here('lenet5.onnx')],
  ] as const) {
    if (!existsSync(here(`${name}-int8.onnx`))) tersor('rtn', source, '--bits', '8', '-o', here(`${name}-int8.onnx`));
  }
  const elements = 'float32' as const;
  return [
    { name: 'lm, fine-tuned', base: lm, file: here('lm.safetensors'), elements },
    { name: 'lm, the next checkpoint', base: here('lm.safetensors'), file: here('lm-later.safetensors'), elements },
    { name: 'lm, last layers tuned', base: lm, file: here('lm-layers.safetensors'), elements },
    { name: 'lm, bf16', base: here('lm-base-bf16.safetensors'), file: here('lm-bf16.safetensors'), elements: 'bfloat16' },
    { name: 'lm, f16', base: here('lm-base-f16.safetensors'), file: here('lm-f16.safetensors'), elements: 'float16' },
    { name: 'lm, GGUF Q8_0', base: here('lm-base-Q8_0.gguf'), file: here('lm-Q8_0.gguf'), elements },
    { name: 'lm, GGUF Q4_K_M', base: here('lm-base-Q4_K_M.gguf'), file: here('lm-Q4_K_M.gguf'), elements },
    { name: 'LeNet-5, ONNX', base: lenet, file: here('lenet5.onnx'), elements },
    { name: 'LeNet-5, ONNX int8', base: here('lenet5-base-int8.onnx'), file: here('lenet5-int8.onnx'), elements },
    { name: 'silero VAD 5 to 6', base: silero('v5'), file: silero('v6'), elements },
  ];
}

function tersor(...args: readonly string[]): void {
  execFileSync('node', [command, ...args, '--no-verify', '-q'], { stdio: 'ignore' });
}

/** A checkpoint, with the configuration of its model, in ggml's blocks. */
async function blocks(weights: string, configuration: string, path: string, type: string): Promise<void> {
  const folder = cached('wire/base/checkpoint');
  mkdirSync(folder, { recursive: true });
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(configuration, name), join(folder, name));
  copyFileSync(weights, join(folder, 'model.safetensors'));
  await convert(join(folder, 'model.safetensors'), { output: join(folder, 'model.gguf'), force: true });
  tersor('gguf', join(folder, 'model.gguf'), '--type', type, '-o', path);
}

async function measure(python: string, { name, base, file, elements }: Pair): Promise<Row> {
  const bytes = new Uint8Array(readFileSync(file));
  const like = new Uint8Array(readFileSync(base));
  const [out, back] = [cached('wire/base.tsr'), cached('wire/base.back')];
  const alone = (await pack(file, { dryRun: true, threads: 0 })).output.bytes;
  const max = (await pack(file, { base, profile: 'max', dryRun: true, threads: 0 })).output.bytes;
  const packed = (await pack(file, { base, out, force: true, threads: 0 })).output.bytes;
  await unpack(out, { base, out: back, force: true });
  if (Buffer.compare(readFileSync(back), bytes) !== 0) throw new Error(`${name}: another file came back`);
  const peers: Record<string, number | string> = {};
  for (const peer of PEERS) {
    const isTooLarge = peer === 'bsdiff' && bytes.length > MOST_FOR_BSDIFF;
    peers[peer] = isTooLarge ? 'too large' : await sizeOf(python, peer, { name, base, file, elements }, like, bytes);
  }
  const [best = '', least = 0] = Object.entries(peers)
    .flatMap(([peer, size]) => (typeof size === 'number' ? [[peer, size] as const] : []))
    .reduce((a, b) => (b[1] < a[1] ? b : a));
  return {
    pair: name,
    bytes: bytes.length,
    alone,
    packed,
    max,
    peers,
    best,
    ratio: packed / least,
    ...(await times(readFileSync(out), like, bytes.length)),
  };
}

/** Bytes, or why there is no number. */
async function sizeOf(
  python: string,
  peer: string,
  { base, file, elements }: Pair,
  ...content: readonly Uint8Array[]
): Promise<number | string> {
  try {
    return await remember(`wire-base-${peer.replace(/\W/g, '')}-${digestOf(elements, ...content)}`, () => {
      const said = JSON.parse(
        execFileSync(python, ['-W', 'ignore', SCRIPT, peer, base, file, elements], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      );
      return said.same ? said.bytes : 'gives another file back';
    });
  } catch {
    return 'fails';
  }
}

/** MB/s of coding and decoding all chunks of what `pack` made, the base being in memory. */
async function times(packed: Uint8Array, base: Uint8Array, size: number): Promise<Pick<Row, 'encode' | 'decode'>> {
  const [decoder, loops] = [await openDecoder(), wasmLoops(await compileKernels())];
  const header = await openTsr(bytesOf(packed), decoder);
  const like: Uint8Array[] = [];
  const recording = { size: base.length, read: async (at: number, length: number) => base.subarray(at, at + length) };
  const onBase = await openBase(header, recording, decoder);
  const chunks = header.streams.flatMap((stream) =>
    stream.chunks.map((chunk) => ({ ...stream, ...chunk, coded: packed.subarray(chunk.offset, chunk.offset + chunk.length) })),
  );
  const decoded: Uint8Array[] = [];
  for (const chunk of chunks) {
    decoded.push(await onBase.decode(chunk.coded, chunk, chunk));
    like.push(await onBase.baseOf(chunk, chunk));
  }
  const decode = await processorMs(async () => {
    for (const chunk of chunks) {
      if (decoder.crc32c(chunk.coded) !== chunk.crc32c) throw new Error('a wrong checksum');
      await onBase.decode(chunk.coded, chunk, chunk);
    }
  });
  const encode = await processorMs(async () => {
    for (const [i, chunk] of chunks.entries()) encodeOnBase(loops, decoded[i]!, chunk, like[i]!);
  });
  return { encode: size / 1e3 / encode, decode: size / 1e3 / decode };
}

function bytesOf(bytes: Uint8Array) {
  return { size: bytes.length, read: async (at: number, length: number) => bytes.subarray(at, at + length) };
}

/** Milliseconds of the processor, the least of several rounds after one that does not count. */
async function processorMs(work: () => Promise<void>): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / 1000);
  }
  return Math.min(...rounds.slice(1));
}

function print({ pair, bytes, alone, packed, max, peers, best, ratio, encode, decode }: Row): void {
  const share = (size: number | string | undefined) => (typeof size === 'number' ? ((size / bytes) * 100).toFixed(2) : '–').padStart(6);
  const sizes = PEERS.map((peer) => `${peer} ${share(peers[peer])}`).join('  ');
  console.log(
    `${pair.padEnd(24)} ${(bytes / 1e6).toFixed(2).padStart(6)} MB  tersor ${share(packed)} max ${share(max)} without base ${share(alone)}  ${sizes}  %`,
  );
  console.log(`${''.padEnd(24)} ${ratio.toFixed(4)} of ${best}; MB/s: coding ${encode.toFixed(0)}, decoding ${decode.toFixed(0)}`);
}
