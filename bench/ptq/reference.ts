import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKernels } from '../../packages/tersor/dist/kernels/open-kernels.js';
import { openJob } from '../../packages/tersor/src/compress/job.ts';
import { openReferee } from '../../packages/tersor/src/compress/referee.ts';
import { decode } from '../../packages/tersor/src/core/decode.ts';
import { findLayers } from '../../packages/tersor/src/core/find-layers.ts';
import { toMatrix } from '../../packages/tersor/src/core/matrix.ts';
import { ofInput } from '../../packages/tersor/src/core/observation.ts';
import { prepareCompensation } from '../../packages/tersor/src/methods/compensate-rounding.ts';
import { benchModels } from '../models.ts';
import { startPeer } from '../peers/peer.ts';
import { pythonWith } from '../peers/venv.ts';
import { askedOf } from '../tasks/asked-of.ts';

const REQUIREMENTS = ['numpy==2.4.6', 'torch==2.15.0'];
const THREADS = 2;
const ROUNDS = 5;
const DAMPING = 0.01;
/** Of each, the layer with the most inputs, and the one with the most outputs. */
const MODELS = ['minilm', 'lm', 'ocr-rec'];
const GRIDS = [
  { bits: 4, block: 32 },
  { bits: 4, block: 128 },
  { bits: 2, block: 16 },
];

export interface ReferenceRow {
  readonly layer: string;
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly block: number;
  /** What the layer's outputs lose on the data: ours, theirs. */
  readonly loss: readonly [number, number];
  /** By the clock, medians of turns: ours, theirs. */
  readonly seconds: readonly [number, number];
}

/** Undefined where there is no peer. */
export async function referenceRows(): Promise<{ rows: ReferenceRow[]; versions: Readonly<Record<string, string>> } | undefined> {
  const python = pythonWith(REQUIREMENTS);
  if (!python) return undefined;
  const rows: ReferenceRow[] = [];
  let versions: Readonly<Record<string, string>> = {};
  const kernels = await openKernels({ threads: THREADS });
  for (const { name, path, task } of benchModels()) {
    if (!MODELS.includes(name) || !task) continue;
    const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
    const job = await openJob(path, askedOf(await task.choose(mkdtempSync(join(folder, 'data-')))));
    const referee = await openReferee(job);
    const peer = await startPeer(python, new URL('../peers/gptq.py', import.meta.url), [folder]);
    try {
      versions = peer.versions;
      const layers = (await findLayers(job.input.model)).filter(({ kind, weight }) => kind !== 'embedding' && weight.dtype === 'f32');
      const chosen = new Set([
        layers.reduce((a, b) => (b.inputs > a.inputs ? b : a)),
        layers.reduce((a, b) => (b.outputs > a.outputs ? b : a)),
      ]);
      const seen = await referee.runner('observe').observe(
        job.input.model,
        [...chosen].map(({ weight }) => ofInput(weight.id, 'gram')),
      );
      for (const { weight, inputs, outputs, outputAxes } of chosen) {
        const gram = await seen.get(ofInput(weight.id, 'gram'));
        if (gram?.groups !== 1) continue;
        const values = toMatrix(decode(await weight.load()), weight.shape, outputAxes);
        const observed = { gram: gram.values, columns: inputs, rows: gram.rows };
        const ready = await prepareCompensation(observed, DAMPING, true, kernels);
        if (!ready) continue;
        writeFileSync(join(folder, 'values.f32'), values);
        writeFileSync(join(folder, 'gram.f32'), ready.gram);
        for (const { bits, block } of GRIDS) {
          const grid = { rows: outputs, columns: inputs, block, bits, symmetric: false, fit: 'mse', scale: 'f32' } as const;
          const { scales, zeros = new Uint8Array() } = await kernels.quantize(values, grid);
          writeFileSync(join(folder, 'scales.f32'), scales);
          writeFileSync(join(folder, 'zeros.f32'), Float32Array.from(zeros));
          const times: [number, number][] = [];
          let loss: [number, number] = [0, 0];
          for (let round = 0; round < ROUNDS; round++) {
            const started = performance.now();
            const prepared = await prepareCompensation(observed, DAMPING, true, kernels);
            const codes = await kernels.compensate(values, { ...grid, scales, zeros }, prepared!);
            const ours = (performance.now() - started) / 1000;
            const theirs: { seconds: number; loss?: number } = await peer.ask(`${bits} ${outputs} ${inputs} ${block}`);
            times.push([ours, theirs.seconds]);
            loss = [lossOf(values, codes, scales, zeros, inputs, block, ready.gram), theirs.loss ?? Number.NaN];
          }
          const median = (of: 0 | 1) => times.map((each) => each[of]).sort((a, b) => a - b)[ROUNDS >> 1]!;
          rows.push({
            layer: `${name} ${outputs} x ${inputs}`,
            rows: outputs,
            columns: inputs,
            bits,
            block,
            loss,
            seconds: [median(0), median(1)],
          });
        }
      }
    } finally {
      await peer.close();
      await referee.close();
      await job.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  await kernels.close();
  return { rows, versions };
}

function lossOf(
  values: Float32Array,
  codes: Uint8Array,
  scales: Float32Array,
  zeros: Uint8Array,
  columns: number,
  block: number,
  gram: Float32Array,
): number {
  const blocks = Math.ceil(columns / block);
  const lost = new Float64Array(columns);
  let loss = 0;
  for (let row = 0; row * columns < values.length; row++) {
    for (let i = 0; i < columns; i++) {
      const at = row * blocks + Math.floor(i / block);
      lost[i] = values[row * columns + i]! - (codes[row * columns + i]! - zeros[at]!) * scales[at]!;
    }
    for (let i = 0; i < columns; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += gram[i * columns + j]! * lost[j]!;
      loss += sum * lost[i]!;
    }
  }
  return loss;
}
