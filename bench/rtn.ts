/**
 * `tersor rtn` beside onnxruntime's own Python quantizers: whole processes by turns, the same bits, block and symmetry, on the 90 MB MiniLM.
 *
 *   npm run bench:rtn            five rounds
 *   npm run bench:rtn -- 9       nine
 *
 * Verification, which the peers do not have, is timed apart: `--no-verify` against them, and its own seconds beside. Writes
 * bench/results/rtn.json. Exits with 1 when a ratio of time is above 0.5 or one of peak memory above 0.6.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../packages/tersor/dist/index.js';
import { pythonWith } from './peers/venv.ts';
import { saveResults } from './results.ts';

const REQUIREMENTS = ['numpy==2.4.6', 'onnx', 'onnx-ir==1.1.0', 'onnxruntime==1.31.1'];
const MOST_TIME = 0.5;
const MOST_MEMORY = 0.6;
const MODEL = fileURLToPath(new URL('../.cache/fixtures/minilm/model.onnx', import.meta.url));
const COMMAND = fileURLToPath(new URL('../packages/tersor/bin/tersor.js', import.meta.url));
const PEER = fileURLToPath(new URL('peers/quantize.py', import.meta.url));

interface Setting {
  readonly bits: number;
  /** 0: one scale a row. */
  readonly block: number;
  readonly symmetric: boolean;
}

const SETTINGS: readonly Setting[] = [
  { bits: 4, block: 32, symmetric: false },
  { bits: 4, block: 32, symmetric: true },
  { bits: 8, block: 0, symmetric: true },
];

interface Run {
  readonly seconds: number;
  readonly memory: number;
  readonly bytes: number;
}

const rounds = Number(process.argv[2] ?? 5);
const python = existsSync(MODEL) ? pythonWith(REQUIREMENTS) : undefined;
if (!python) {
  console.log(existsSync(MODEL) ? 'skipped: no Python for the peers' : `skipped: ${MODEL} is missing; see docs/benches.md`);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'tersor-rtn-'));
const [ours, theirs] = [join(folder, 'ours.onnx'), join(folder, 'theirs.onnx')];
const rows = SETTINGS.map((setting) => compare(setting, python));
rmSync(folder, { recursive: true, force: true });
for (const row of rows) console.log(line(row));
saveResults('rtn', rows, {
  'onnxruntime (Python)': execFileSync(python, ['-c', 'import onnxruntime; print(onnxruntime.__version__)'], { encoding: 'utf8' }).trim(),
});
process.exitCode = rows.every(({ time, memory }) => time <= MOST_TIME && memory <= MOST_MEMORY) ? 0 : 1;

function compare(setting: Setting, interpreter: string) {
  const a: Run[] = [];
  const b: Run[] = [];
  for (let round = 0; round < rounds; round++) {
    a.push(tersor(setting));
    b.push(peer(setting, interpreter));
  }
  return {
    ...setting,
    seconds: [median(a, 'seconds'), median(b, 'seconds')],
    time: ratio(a, b, 'seconds'),
    peakBytes: [median(a, 'memory'), median(b, 'memory')],
    memory: ratio(a, b, 'memory'),
    bytes: [median(a, 'bytes'), median(b, 'bytes')],
    verification: verification(setting),
  };
}

function tersor(setting: Setting): Run {
  const start = performance.now();
  const { memory } = run(setting, ['--no-verify']);
  return { seconds: (performance.now() - start) / 1000, memory: memory.process, bytes: statSync(ours).size };
}

/** Seconds that loading both models, comparing and timing them takes on top. */
function verification(setting: Setting): number {
  const { seconds } = run(setting, []);
  return (seconds.load ?? 0) + (seconds.verify ?? 0);
}

function run({ bits, block, symmetric }: Setting, more: readonly string[]): Report {
  const options = [
    '--bits',
    String(bits),
    '--block',
    block === 0 ? 'row' : String(block),
    '--fit',
    'absmax',
    ...(symmetric ? [] : ['--no-symmetric']),
  ];
  const args = [COMMAND, 'rtn', MODEL, '-o', ours, '--force', '--json', ...options, ...more];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 }));
}

function peer({ bits, block, symmetric }: Setting, interpreter: string): Run {
  const start = performance.now();
  const printed = execFileSync(interpreter, [PEER, MODEL, theirs, String(bits), String(block), String(symmetric)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { memory }: { memory: number } = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
  return { seconds: (performance.now() - start) / 1000, memory, bytes: statSync(theirs).size };
}

function median(runs: readonly Run[], key: keyof Run): number {
  const sorted = runs.map((each) => each[key]).sort((x, y) => x - y);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Of the medians of the rounds' ratios: each round runs both, so what slows the machine slows both. */
function ratio(a: readonly Run[], b: readonly Run[], key: keyof Run): number {
  const ratios = a.map((each, round) => each[key] / b[round]![key]).sort((x, y) => x - y);
  return ratios[Math.floor(ratios.length / 2)] ?? Number.NaN;
}

function line({ bits, block, symmetric, seconds, time, peakBytes, memory, bytes, verification }: ReturnType<typeof compare>): string {
  const name = `${bits} bits, ${block === 0 ? 'per row' : `block ${block}`}, ${symmetric ? 'symmetric' : 'asymmetric'}`;
  const pair = ([x = 0, y = 0]: readonly number[], scale: number, digits: number) =>
    `${(x / scale).toFixed(digits)} / ${(y / scale).toFixed(digits)}`;
  return `${name.padEnd(34)} s ${pair(seconds, 1, 2)} = ${time.toFixed(2)}x   peak MB ${pair(peakBytes, 1e6, 0)} = ${memory.toFixed(2)}x   file MB ${pair(bytes, 1e6, 2)}   verification ${verification.toFixed(1)} s`;
}
