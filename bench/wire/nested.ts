/**
 * What files whose bits are nested are worth at each depth, beside weights rounded to as many bits: `npm run bench:wire -- nested`, after a build.
 *
 * A model is rounded by `tersor rtn --bits 8`, packed with `--nested`, and cut at 2 to 8 bits by `tersor prefix`; beside it stands `tersor rtn` of 4 and 2 bits, one scale a row as in the
 * nested file, and in blocks as it is by default, packed. Error is that of all weights of layers, in decibels; scores are those of the model's task. Writes bench/results/wire-nested.json.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModel } from '../../packages/tersor/src/compress/open-model.ts';
import { decode } from '../../packages/tersor/src/core/decode.ts';
import { findLayers } from '../../packages/tersor/src/core/find-layers.ts';
import { pack } from '../../packages/tersor/src/pack.ts';
import { prefix } from '../../packages/tersor/src/prefix.ts';
import { unpack } from '../../packages/tersor/src/unpack.ts';
import { benchModels } from '../models.ts';
import { saveResults } from '../results.ts';
import type { Scores } from '../tasks/task.ts';

const MODELS = ['lenet-300', 'lenet-5', 'silero-v5', 'mobilenet-v2'];
const BITS = [2, 3, 4, 5, 6, 8];
const PEERS = [
  { name: 'rtn 4, rows', flags: ['--bits', '4', '--block', 'row'] },
  { name: 'rtn 4, blocks', flags: ['--bits', '4'] },
  { name: 'rtn 2, blocks', flags: ['--bits', '2'] },
] as const;
const command = fileURLToPath(new URL('../../packages/tersor/bin/tersor.js', import.meta.url));

interface Row {
  readonly model: string;
  readonly what: string;
  /** Of the container. */
  readonly bytes: number;
  readonly decibels: number;
  readonly scores: Scores;
}

export async function nested(only: readonly string[] = MODELS): Promise<void> {
  const rows: Row[] = [];
  for (const { name: id, path, task } of benchModels()) {
    if (!task || !only.includes(id)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'tersor-nested-'));
    const here = (name: string) => join(folder, name);
    const original = await weightsOf(path);
    const add = async (what: string, container: string, file: string) => {
      const row = {
        model: id,
        what,
        bytes: statSync(container).size,
        decibels: decibels(original, await weightsOf(file)),
        scores: await task.score(file, path),
      };
      rows.push(row);
      print(row);
    };
    const rounded = here('rounded.onnx');
    tersor('rtn', path, '--bits', '8', '--execution', 'expand', '-o', rounded);
    await pack(rounded, { nested: 8, out: here('nested.tsr'), threads: 0 });
    await pack(rounded, { out: here('plain.tsr'), threads: 0 });
    await add('rtn 8, packed', here('plain.tsr'), rounded);
    for (const bits of BITS) {
      const [cut, file] = [here(`${bits}.tsr`), here(`${bits}.onnx`)];
      await prefix(here('nested.tsr'), { bits, out: cut });
      await unpack(cut, { out: file });
      await add(`nested, ${bits} bits`, cut, file);
    }
    for (const [i, { name, flags }] of PEERS.entries()) {
      const file = here(`peer-${i}.onnx`);
      tersor('rtn', path, ...flags, '--execution', 'expand', '-o', file);
      await pack(file, { out: `${file}.tsr`, threads: 0 });
      await add(name, `${file}.tsr`, file);
    }
    rmSync(folder, { recursive: true });
  }
  if (only === MODELS) saveResults('wire-nested', rows);
}

function tersor(...args: readonly string[]): void {
  execFileSync('node', [command, ...args, '--no-verify', '-q'], { stdio: 'ignore' });
}

/** The floats that layers compute with, in order. */
async function weightsOf(path: string): Promise<Float32Array[]> {
  const { model, format, close } = await openModel(path);
  try {
    const found: Float32Array[] = [];
    for (const { weight } of await findLayers((await format.lift(model)).model)) found.push(decode(await weight.load()));
    return found;
  } finally {
    await close();
  }
}

/** @throws where the layers are not the same */
function decibels(original: readonly Float32Array[], other: readonly Float32Array[]): number {
  let [squares, noise] = [0, 0];
  for (const [layer, values] of original.entries()) {
    const own = other[layer];
    if (own?.length !== values.length) throw new Error(`layer ${layer} is another one`);
    for (let i = 0; i < values.length; i++) {
      squares += values[i]! ** 2;
      noise += (values[i]! - own[i]!) ** 2;
    }
  }
  return 10 * Math.log10(squares / noise);
}

function print({ model, what, bytes, decibels: error, scores }: Row): void {
  const text = Object.entries(scores)
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join('  ');
  console.log(
    `${model.padEnd(14)} ${what.padEnd(16)} ${(bytes / 1e3).toFixed(1).padStart(8)} kB  ${error.toFixed(2).padStart(6)} dB  ${text}`,
  );
}
