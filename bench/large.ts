/**
 * Checkpoints that are larger than the memory that is allowed: `npm run bench:large`, after a build. Takes Linux, 45 GB of disk and half an hour.
 *
 *   npm run bench:large                                  all
 *   npm run bench:large -- --only gguf                   one of them: gguf, convert, safetensors
 *   npm run bench:large -- --layers 2 --folder /mnt/tmp  a smaller model, elsewhere
 *
 * A Llama of 7 B parameters with made-up values is written, piece by piece, and then compressed by the command in a process that may take 1 GB, pages of files
 * included, where the system lets us say so. Peak memory is that of all its processes together.
 * Writes bench/results/large.json. Exits with 1 when more than 1 GB was resident.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Model } from '../packages/tersor/src/core/model.ts';
import { bytesText, durationText } from '../packages/tersor/src/core/text/units.ts';
import { gguf } from '../packages/tersor/src/formats/gguf/gguf.ts';
import { safetensors } from '../packages/tersor/src/formats/safetensors/safetensors.ts';
import { openNodeStore } from '../packages/tersor/src/io/node-store.ts';
import { openKernels } from '../packages/tersor/src/kernels/open-kernels.ts';
import { configOf, llamaForGguf, llamaForSafetensors, tokenizerOf } from './large/llama.ts';
import { runCapped } from './large/run-capped.ts';
import { savePartResults } from './results.ts';

const MOST = 1e9;
const BIN = fileURLToPath(new URL('../packages/tersor/bin/tersor.js', import.meta.url));

interface Task {
  readonly name: string;
  readonly input: string;
  readonly make: (folder: string) => Promise<void>;
  readonly args: (input: string, folder: string) => readonly string[];
}

const { values: flags } = parseArgs({
  options: { only: { type: 'string' }, layers: { type: 'string', default: '32' }, folder: { type: 'string', default: tmpdir() } },
});
const layers = Number(flags.layers);
const tasks: readonly Task[] = [
  {
    name: 'gguf: f16 → Q4_K_M',
    input: 'model.gguf',
    make: (folder) => write(llamaForGguf('f16', layers), folder, 'model.gguf'),
    args: (input, folder) => [input, '--type', 'Q4_K_M', '-o', join(folder, 'out.gguf')],
  },
  {
    name: 'convert: safetensors, bf16 → GGUF, Q4_K_M',
    input: '.',
    make: async (folder) => {
      await write(llamaForSafetensors('bf16', 3, layers), folder, 'model.safetensors.index.json');
      writeFileSync(join(folder, 'config.json'), configOf('bf16', layers));
      writeFileSync(join(folder, 'tokenizer.json'), tokenizerOf());
    },
    args: (input, folder) => ['convert', input, join(folder, 'out.gguf'), '--type', 'Q4_K_M'],
  },
  {
    name: 'safetensors: f32 → bf16',
    input: 'model.safetensors.index.json',
    make: async (folder) => {
      await write(llamaForSafetensors('f32', 6, layers), folder, 'model.safetensors.index.json');
      writeFileSync(join(folder, 'config.json'), configOf('f32', layers));
    },
    args: (input, folder) => ['fp16', input, '--type', 'bf16', '-o', join(folder, 'out.safetensors.index.json')],
  },
];

for (const { name, input, make, args } of tasks.filter((task) => task.name.startsWith(flags.only ?? ''))) {
  const folder = mkdtempSync(join(flags.folder, 'tersor-large-'));
  try {
    const out = join(folder, 'out');
    mkdirSync(out);
    const start = performance.now();
    await make(folder);
    console.log(`${name}: made in ${durationText((performance.now() - start) / 1000)}`);
    const run = await runCapped('node', [BIN, ...args(join(folder, input), out), '--json'], MOST);
    if (run.status !== 0) throw new Error(`status ${run.status}\n${run.output.slice(-2000)}`);
    const report = JSON.parse(run.output.slice(run.output.indexOf('{')));
    const row = {
      layers,
      bytesBefore: report.input.bytes,
      bytesAfter: report.output.bytes,
      capped: run.capped,
      peakMemory: run.memory,
      largestProcess: run.largest,
      seconds: Math.round(run.seconds),
      processorSeconds: Math.round(run.processorSeconds),
    };
    savePartResults('large', name, row);
    console.log(
      `${name}: ${bytesText(row.bytesBefore)} → ${bytesText(row.bytesAfter)}, peak ${bytesText(row.peakMemory)}${row.capped ? ' of 1 GB' : ''}, ${durationText(row.seconds)}, ${durationText(row.processorSeconds)} of processors`,
    );
    if (row.peakMemory > MOST || !statSync(report.output.path).isFile()) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function write(model: Model, folder: string, name: string): Promise<void> {
  const [store, kernels] = [openNodeStore(folder), await openKernels({ threads: 0 })];
  await (model.format === 'gguf' ? gguf : safetensors).write(model, store, name, { target: 'node', kernels });
  await store.commit();
  await kernels.close();
}
