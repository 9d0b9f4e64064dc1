/**
 * A Hugging Face folder to GGUF beside gguf-py, which llama.cpp's convert_hf_to_gguf.py is made of: `npm run bench:convert`, after a build. Takes Linux and 8 GB of disk.
 *
 *   npm run bench:convert                  Llama with layers of the 7 B model: 4 of them, 2.1 GB in bf16
 *   npm run bench:convert -- --layers 1
 *
 * By turns, three times; the least processor time counts. Tensors are compared byte by byte: of what is only laid out anew all are the same, of Q8_0 those of the reference are.
 * Writes bench/results/convert.json.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openModel } from '../packages/tersor/src/compress/open-model.ts';
import { bytesText } from '../packages/tersor/src/core/text/units.ts';
import { safetensors } from '../packages/tersor/src/formats/safetensors/safetensors.ts';
import { openNodeStore } from '../packages/tersor/src/io/node-store.ts';
import { openKernels } from '../packages/tersor/src/kernels/open-kernels.ts';
import { configOf, llamaForSafetensors, tokenizerOf } from './large/llama.ts';
import { type Measured, runCapped } from './large/run-capped.ts';
import { pythonWith } from './peers/venv.ts';
import { saveResults } from './results.ts';

const ROUNDS = 3;
const TYPES = ['BF16', 'F16', 'Q8_0'];
/** More than either takes: nothing is capped here. */
const MOST = 64e9;
const PEERS = { gguf: '0.19.0', torch: '2.15.0', safetensors: '0.8.0' };
const BIN = fileURLToPath(new URL('../packages/tersor/bin/tersor.js', import.meta.url));
const PEER = fileURLToPath(new URL('peers/convert.py', import.meta.url));

const { values: flags } = parseArgs({ options: { layers: { type: 'string', default: '4' } } });
const layers = Number(flags.layers);
const python = pythonWith(Object.entries(PEERS).map(([name, version]) => `${name}==${version}`));
const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-convert-'));
try {
  const source = await write();
  const rows = [];
  for (const type of TYPES) {
    const [ours, theirs] = [join(folder, 'ours.gguf'), join(folder, 'theirs.gguf')];
    const runs: Record<string, Measured[]> = { tersor: [], 'gguf-py': [] };
    for (let round = 0; round < ROUNDS; round++) {
      runs.tersor?.push(await run('node', [BIN, 'convert', source, ours, '--type', type, '--force', '--json']));
      if (python) runs['gguf-py']?.push(await run(python, [PEER, source, theirs, type]));
    }
    const [own, peer] = Object.values(runs).map(bestOf);
    const same = python ? await sameTensors(ours, theirs) : undefined;
    const row = { type, layers, tersor: own, ...(peer && { 'gguf-py': peer, ratio: ratioOf(own, peer) }), ...(same && { same }) };
    rows.push(row);
    console.log(JSON.stringify(row));
  }
  saveResults('convert', rows, PEERS);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function write(): Promise<string> {
  const [store, kernels] = [openNodeStore(folder), await openKernels({ threads: 0 })];
  await safetensors.write(llamaForSafetensors('bf16', 2, layers), store, 'model.safetensors.index.json', { target: 'node', kernels });
  await store.commit();
  await kernels.close();
  writeFileSync(join(folder, 'config.json'), configOf('bf16', layers));
  writeFileSync(join(folder, 'tokenizer.json'), tokenizerOf());
  return folder;
}

async function run(command: string, args: readonly string[]): Promise<Measured> {
  const measured = await runCapped(command, args, MOST);
  if (measured.status !== 0) throw new Error(measured.output.slice(-2000));
  return measured;
}

function bestOf(runs: readonly Measured[]) {
  const least = (of: (run: Measured) => number) => Number(Math.min(...runs.map(of)).toFixed(2));
  if (runs.length === 0) return undefined;
  return {
    seconds: least((each) => each.seconds),
    processorSeconds: least((each) => each.processorSeconds),
    memory: bytesText(least((each) => each.memory)),
  };
}

function ratioOf(own: ReturnType<typeof bestOf>, peer: ReturnType<typeof bestOf>) {
  const ratio = (a = 0, b = 1) => Number((a / b).toFixed(2));
  return { seconds: ratio(own?.seconds, peer?.seconds), processorSeconds: ratio(own?.processorSeconds, peer?.processorSeconds) };
}

/** Tensors of both, and how many of them have the same bytes. */
async function sameTensors(a: string, b: string): Promise<{ readonly tensors: number; readonly same: number }> {
  const [ours, theirs] = [await openModel(a), await openModel(b)];
  let same = 0;
  for (const [id, { load }] of ours.model.weights) {
    const other = theirs.model.weights.get(id);
    const [left, right] = [await load(), await other?.load()];
    const bytes = (tensor: typeof left | undefined) => (tensor && 'bytes' in tensor ? tensor.bytes : new Uint8Array());
    if (left.kind === right?.kind && Buffer.compare(bytes(left), bytes(right)) === 0) same++;
  }
  await Promise.all([ours.close(), theirs.close()]);
  return { tensors: Math.max(ours.model.weights.size, theirs.model.weights.size), same };
}
