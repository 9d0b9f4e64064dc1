import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compress } from '../../../src/compress.ts';
import { decode } from '../../../src/core/decode.ts';
import type { Step } from '../../../src/core/recipe.ts';
import { safetensors } from '../../../src/formats/safetensors/safetensors.ts';
import { openNodeStore } from '../../../src/io/node-store.ts';
import { unpack } from '../../../src/unpack.ts';
import { differencePair } from '../../support/forms-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tersor-delta-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string) => join(folder, name);

const { base, tuned } = differencePair();
writeFileSync(path('base.safetensors'), base);
writeFileSync(path('tuned.safetensors'), tuned);

async function valuesIn(name: string): Promise<Map<string, Float32Array>> {
  const store = openNodeStore(folder);
  const { weights } = await safetensors.open(store, name);
  const values = new Map<string, Float32Array>();
  for (const { id, load } of weights.values()) values.set(id, decode(await load()));
  await store.close();
  return values;
}

/** A fine-tuned model changed, packed as a difference and unpacked: its differences to the base by weight, and the report. */
async function changed(step: Step) {
  const [output, back] = [path(`${step.use}.tsr`), `${step.use}.safetensors`];
  const recipe = { version: 1 as const, steps: [{ ...step, base: path('base.safetensors') }] };
  const report = await compress(path('tuned.safetensors'), { recipe, output, force: true, threads: 0 });
  await unpack(output, { base: path('base.safetensors'), out: path(back), force: true });
  const [before, after] = [await valuesIn('base.safetensors'), await valuesIn(back)];
  const differences = new Map([...after].map(([id, values]) => [id, values.map((value, i) => value - before.get(id)![i]!)]));
  return { report, differences, bytes: readFileSync(output).length };
}

describe('what fine-tuning changed', () => {
  const exact = async () => {
    const [before, after] = [await valuesIn('base.safetensors'), await valuesIn('tuned.safetensors')];
    return new Map([...after].map(([id, values]) => [id, values.map((value, i) => value - before.get(id)![i]!)]));
  };

  it('bitdelta keeps its sign and one size, in about a bit a weight', async () => {
    const { report, differences, bytes } = await changed({ use: 'bitdelta' });
    const before = await exact();
    const [own, mine] = [before.get('matrix')!, differences.get('matrix')!];
    const mean = own.reduce((sum, value) => sum + Math.abs(value), 0) / own.length;
    own.forEach((value, i) => {
      expect(Math.abs(Math.abs(mine[i]!) - mean)).toBeLessThan(1e-7);
      expect(mine[i]! < 0).toBe(value < 0);
    });
    expect(differences.get('vector')).toEqual(before.get('vector'));
    expect(bytes).toBeLessThan((2 * own.length * 1.1) / 8 + 2500);
    const errors = report.weights.flatMap(({ error }) => (error === undefined ? [] : [error]));
    expect(errors).toHaveLength(2);
    for (const error of errors) expect(error).toBeGreaterThan(0);
  });

  it('bitdelta gives each row a size of its own where it is asked to, and loses less', async () => {
    const rows = await changed({ use: 'bitdelta', scale: 'row' });
    const whole = await changed({ use: 'bitdelta' });
    const lost = ({ report }: typeof rows) => report.weights.find(({ id }) => id === 'matrix')?.error ?? Number.NaN;
    expect(lost(rows)).toBeLessThan(lost(whole));
  });

  it('dare drops the part that it is told, and keeps the sum', async () => {
    const { differences, bytes } = await changed({ use: 'dare', drop: 0.75 });
    const [own, mine] = [(await exact()).get('matrix')!, differences.get('matrix')!];
    const kept = mine.filter((value) => value !== 0).length / mine.length;
    expect(kept).toBeGreaterThan(0.22);
    expect(kept).toBeLessThan(0.28);
    mine.forEach((value, i) => {
      if (value !== 0) expect(Math.abs(value - own[i]! * 4)).toBeLessThan(1e-7);
    });
    expect(bytes).toBeLessThan(tuned.length * 0.35);
  });

  it('is not spoilt by a value that is none', async () => {
    const broken = readFileSync(path('tuned.safetensors'));
    const header = Number(broken.readBigUInt64LE(0));
    const { matrix } = JSON.parse(broken.toString('utf8', 8, 8 + header));
    broken.fill(0xff, 8 + header + matrix.data_offsets[0], 8 + header + matrix.data_offsets[0] + 4);
    writeFileSync(path('broken.safetensors'), broken);
    const recipe = { version: 1 as const, steps: [{ use: 'bitdelta', base: path('base.safetensors') }] };
    const output = path('broken.tsr');
    await expect(compress(path('broken.safetensors'), { recipe, output, verify: false, threads: 0 })).rejects.toMatchObject({
      code: 'LAYOUT',
    });
    expect(existsSync(output)).toBe(false);
  });

  it('is an error without a base, or with one that is not there or of another model', async () => {
    const withBase = (step: object) =>
      compress(path('tuned.safetensors'), {
        recipe: { version: 1, steps: [{ use: 'bitdelta', ...step }] },
        output: path('none.tsr'),
        verify: false,
        force: true,
      });
    await expect(withBase({})).rejects.toMatchObject({ code: 'BASE_MISSING' });
    await expect(withBase({ base: path('nowhere.safetensors') })).rejects.toMatchObject({ code: 'FILE_MISSING' });
    const header = Buffer.from(JSON.stringify({ other: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] } }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(path('other.safetensors'), Buffer.concat([length, header, Buffer.alloc(16)]));
    await expect(withBase({ base: path('other.safetensors') })).rejects.toMatchObject({ code: 'OPTION_VALUE' });
    expect(existsSync(path('none.tsr'))).toBe(false);
  });
});
