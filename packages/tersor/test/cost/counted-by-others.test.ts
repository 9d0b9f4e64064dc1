import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../../../tools/run.ts';
import { cost } from '../../src/cost.ts';

interface Vector {
  readonly model: string;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly macs: number;
  readonly parameters: number;
}

/** Made by bench/peers/count-macs.py, with onnx-tool 1.0.1 and onnx 1.23.2. */
const VECTORS: readonly Vector[] = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/cost-vectors.json'), 'utf8'));

it.each(VECTORS.map((vector) => [vector.model, vector] as const))(
  '%s: as many products and parameters',
  async (model, { shapes, macs, parameters }) => {
    const counted = await cost(join(root, 'node_modules', model), { shapes });
    expect({ macs: counted.macs, parameters: counted.parameters }).toEqual({ macs, parameters });
    expect(counted.operators.filter(({ family }) => family === 'unknown')).toEqual([]);
  },
);
