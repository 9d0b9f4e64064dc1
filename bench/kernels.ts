/**
 * The kernels beside native code, on one thread, interleaved in one run: `npm run bench:kernels`, after a build. Both sides are timed in processor time
 * of their whole process, because on a busy machine the clock punishes whoever runs longer at a time. Ours take an ordinary array and
 * give a new one, so the copies into WebAssembly's memory and out of it count, unless a row says `in place`: there the values and the room
 * for the output lie ready on both sides.
 * Writes bench/results/kernels.json. Exit status 1 when a ratio is below nine tenths of its target.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuantizeSpec } from '../packages/tersor/src/core/kernels.ts';
import type { Loops } from '../packages/tersor/src/kernels/loops.ts';
import { instancesOf } from '../packages/tersor/src/kernels/memory.ts';
import { compileKernels, wasmLoops } from '../packages/tersor/src/kernels/wasm.ts';
import { measureFreeProcessors, measureThreads, type ThreadsRow } from './kernel-threads.ts';
import { type Peer, startPeer } from './peers/peer.ts';
import { pythonWith } from './peers/venv.ts';

const ROWS = 2048;
const COLUMNS = 2048;
/** Searches get a few rows, so that a run is short enough to fit between the interruptions of a busy machine. */
const FEW_ROWS = 64;
const REQUIREMENTS = ['numpy==2.4.6', 'onnxruntime==1.31.1', 'libgguf==0.2.2', 'torch==2.15.0'];
/** Nine tenths of the target count as met: the machines that run this are noisy. */
const SLACK = 0.9;

interface Case {
  readonly name: string;
  /** Name of the peer's case. */
  readonly peer: string;
  readonly against: string;
  /** Rows of the matrix it gets; absent: all. */
  readonly rows?: number;
  /** Ours over theirs, as measured before the kernels were written; absent: shown for comparison. */
  readonly target?: number;
  run(loops: Loops, values: Float32Array, norms: Float32Array, inPlace: InPlace): Uint8Array | Uint16Array;
}

/** Runs a kernel over values that lie in WebAssembly's memory; gives a view of its output. */
type InPlace = (kernel: 'toBfloat16' | 'toHalf' | 'quantize') => Uint8Array;

const spec = (rest: Partial<QuantizeSpec>): QuantizeSpec => ({
  rows: ROWS,
  columns: COLUMNS,
  block: COLUMNS,
  bits: 4,
  symmetric: true,
  fit: 'absmax',
  scale: 'f32',
  ...rest,
});

const int8 = (loops: Loops, values: Float32Array) => loops.quantize(values, spec({ bits: 8 })).codes;
const mse = (loops: Loops, values: Float32Array) => loops.quantize(values, spec({ rows: values.length / COLUMNS, fit: 'mse' })).codes;
const CASES: readonly Case[] = [
  { name: 'int8 per channel', peer: 'int8', against: 'numpy', target: 4.5, run: int8 },
  {
    name: 'int8 per channel, in place',
    peer: 'int8-in-place',
    against: 'numpy',
    target: 4.5,
    run: (_, __, ___, inPlace) => inPlace('quantize'),
  },
  { name: 'int8 per channel', peer: 'int8-tuned', against: 'tuned numpy', run: int8 },
  {
    name: '4-bit asymmetric, block 32, packed',
    peer: 'int4',
    against: 'onnxruntime',
    target: 5.7,
    run: (loops, v) => loops.pack(loops.quantize(v, spec({ block: 32, symmetric: false })).codes, 4),
  },
  { name: 'MSE clipping, 80 steps a row', peer: 'mse-numpy', against: 'numpy', target: 7, rows: FEW_ROWS, run: mse },
  { name: 'MSE clipping, 80 steps a row', peer: 'mse-tuned', against: 'tuned numpy', rows: FEW_ROWS, run: mse },
  { name: 'MSE clipping, 80 steps a row', peer: 'mse-gcc', against: 'gcc', target: 3, rows: FEW_ROWS, run: mse },
  { name: 'MSE clipping, 80 steps a row', peer: 'mse-fast-math', against: 'gcc -ffast-math', rows: FEW_ROWS, run: mse },
  { name: 'GGUF Q8_0', peer: 'Q8_0', against: 'libgguf', target: 2.7, run: (loops, v) => loops.quantizeBlocks(v, 'Q8_0') },
  { name: 'GGUF Q4_0', peer: 'Q4_0', against: 'libgguf', target: 0.92, run: (loops, v) => loops.quantizeBlocks(v, 'Q4_0') },
  { name: 'GGUF Q4_K', peer: 'Q4_K', against: 'libgguf', target: 5.3, rows: FEW_ROWS, run: (loops, v) => loops.quantizeBlocks(v, 'Q4_K') },
  { name: 'Wanda 2:4 mask', peer: 'mask-2of4', against: 'torch', target: 23, run: (loops, v, norms) => loops.maskTwoOfFour(v, norms) },
  {
    name: 'Wanda mask, half a row',
    peer: 'mask-rows',
    against: 'numpy',
    target: 1.5,
    run: (loops, v, norms) => loops.maskRows(v, norms, COLUMNS / 2),
  },
  { name: 'f32 to bf16', peer: 'bf16', against: 'torch', target: 0.87, run: (loops, v) => loops.toBfloat16(v) },
  {
    name: 'f32 to bf16, in place',
    peer: 'bf16-in-place',
    against: 'torch',
    target: 0.87,
    run: (_, __, ___, inPlace) => inPlace('toBfloat16'),
  },
  { name: 'f32 to f16', peer: 'f16', against: 'torch', target: 0.23, run: (loops, v) => loops.toHalf(v) },
  { name: 'f32 to f16, in place', peer: 'f16-in-place', against: 'torch', run: (_, __, ___, inPlace) => inPlace('toHalf') },
];

interface Row {
  readonly kernel: string;
  readonly against: string;
  /** MB of f32 input a second of processor time. */
  readonly ours: Speed;
  readonly peer?: Speed;
  /** Best over best. */
  readonly ratio?: number;
  readonly target?: number;
  readonly met?: boolean;
  /** Whether both wrote the same bytes, where they should. */
  readonly sameBytes?: boolean;
}

interface Speed {
  readonly best: number;
  readonly median: number;
}

const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
try {
  const values = bellShaped(ROWS * COLUMNS);
  const matrix = join(folder, 'matrix.f32');
  writeFileSync(matrix, values);
  const python = pythonWith(REQUIREMENTS);
  const peer = python
    ? await startPeer(python, new URL('peers/kernels.py', import.meta.url), [matrix, String(COLUMNS), String(FEW_ROWS)])
    : undefined;
  const rows = await measureAll(values, peer);
  await peer?.close();
  report(rows, await measureThreads(), await measureFreeProcessors(), peer);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measureAll(values: Float32Array, peer: Peer | undefined): Promise<Row[]> {
  const module = await compileKernels();
  const loops = wasmLoops(module);
  const inPlace = keepIn(module, values);
  const norms = values.slice(0, COLUMNS).map((value) => Math.abs(value) + 0.5);
  const rows: Row[] = [];
  for (const entry of CASES) {
    const part = values.subarray(0, (entry.rows ?? ROWS) * COLUMNS);
    rows.push(await measure(entry, () => entry.run(loops, part, norms, inPlace), part.byteLength, peer));
  }
  return rows;
}

function keepIn(module: WebAssembly.Module, values: Float32Array): InPlace {
  const instances = instancesOf(module);
  const sizes = [values.byteLength, values.length * 2, ROWS * 4, ROWS];
  instances.use(sizes, ({ bytes }, from) => bytes.set(new Uint8Array(values.buffer), from));
  return (kernel) =>
    instances.use(sizes, ({ call, bytes }, from, to, scales, zeros) => {
      if (kernel === 'quantize') {
        call(kernel, from, ROWS, COLUMNS, COLUMNS, 8, 1, 0, 0, to, scales, zeros);
        return bytes.subarray(to, to + values.length);
      }
      call(kernel, from, values.length, to, 1);
      return bytes.subarray(to, to + values.length * 2);
    });
}

/** Turn by turn, so that both see the same noise; at least 5 rounds, then until two seconds are used up. */
async function measure(
  { name, peer: peerCase, against, target }: Case,
  run: () => Uint8Array | Uint16Array,
  bytes: number,
  peer?: Peer,
): Promise<Row> {
  const isThere = peer?.cases.includes(peerCase);
  const ours: number[] = [];
  const theirs: number[] = [];
  let hashes: [string, string | null] | undefined;
  run();
  const end = performance.now() + 2000;
  while (ours.length < 5 || (performance.now() < end && ours.length < 100)) {
    const start = process.cpuUsage();
    const output = run();
    const { user, system } = process.cpuUsage(start);
    ours.push((user + system) / 1e6);
    if (!peer || !isThere) continue;
    const answer = await peer.ask(peerCase);
    theirs.push(answer.seconds);
    hashes ??= [createHash('sha256').update(output).digest('hex'), answer.sha256];
  }
  const row = { kernel: name, against, ...(target === undefined ? {} : { target }), ours: speedOf(ours, bytes) };
  if (!hashes) return row;
  const [mine, its] = hashes;
  const speed = speedOf(theirs, bytes);
  const ratio = row.ours.best / speed.best;
  return {
    ...row,
    peer: speed,
    ratio,
    ...(target === undefined ? {} : { met: ratio >= SLACK * target }),
    ...(its === null ? {} : { sameBytes: mine === its }),
  };
}

function speedOf(seconds: number[], bytes: number): Speed {
  const sorted = seconds.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return { best: bytes / 1e6 / (sorted[0] ?? Number.NaN), median: bytes / 1e6 / median };
}

function report(rows: readonly Row[], threads: readonly ThreadsRow[], freeProcessors: number, peer: Peer | undefined): void {
  const cells = rows.map(({ kernel, against, ours, peer: theirs, ratio, target, met, sameBytes }) => [
    kernel,
    ours.best.toFixed(0),
    `${against} ${theirs ? theirs.best.toFixed(0) : '-'}`,
    ratio?.toFixed(2) ?? '-',
    target?.toFixed(2) ?? '',
    met === undefined ? '' : met ? 'met' : 'MISSED',
    sameBytes === undefined ? '' : sameBytes ? 'same bytes' : 'OTHER BYTES',
  ]);
  const table = [['kernel', 'ours MB/s', 'peer MB/s', 'ratio', 'target', `>= ${SLACK}x`, 'output'], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  for (const line of table)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
  console.log("\nfit: 'mse' over 90 MB, by workers");
  for (const row of threads) {
    const [clock, processor] = [row.milliseconds, row.processorMilliseconds].map((ms) => `${ms.toFixed(0)} ms`);
    console.log(`${row.threads}: ${clock}, x${row.gain.toFixed(2)}; processor time ${processor}, x${row.overhead.toFixed(2)}`);
  }
  console.log(`two threads that share nothing: x${freeProcessors.toFixed(2)} here and now`);
  for (const [name, reason] of Object.entries(peer?.missing ?? {})) console.log(`skipped ${name}: ${reason}`);

  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    platform: `${process.platform} ${process.arch}`,
    cores: cpus().length,
    load: loadavg()[0],
  };
  const versions = { node: process.version, v8: process.versions.v8, ...peer?.versions };
  const results = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    versions,
    matrix: [ROWS, COLUMNS],
    threads: 1,
    clock: 'processor time',
    rows,
    workers: { rows: threads, mostForTwo: freeProcessors },
  };
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(new URL('results/kernels.json', import.meta.url), `${JSON.stringify(results, null, 2)}\n`);
  if (rows.some(({ met, sameBytes }) => met === false || sameBytes === false)) process.exitCode = 1;
}

/** Bell-shaped weights, the same in every run. */
function bellShaped(count: number): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => 0.04 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
