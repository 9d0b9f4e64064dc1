import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import type { Sample } from '../../src/core/samples.ts';
import { orderToChoose, splitHalves } from '../../src/data/choose.ts';
import { digestOfAll } from '../../src/data/digest-node.ts';
import { openData } from '../../src/data/open-data-node.ts';
import { floats, makeNpy } from './make-npy.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-labels-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const image: ValueInfo = { name: 'image', dtype: 'f32', shape: [1, 3, 8, 8] };
const x: ValueInfo = { name: 'x', dtype: 'f32', shape: ['N', 1] };

async function picture(path: string, grey: number): Promise<void> {
  const png = new PNG({ width: 8, height: 8 });
  png.data.fill(grey);
  for (let i = 3; i < png.data.length; i += 4) png.data[i] = 255;
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), PNG.sync.write(png));
}

const labelsOf = async (data = folder) => {
  const { samples, notes, classes } = await openData(data, [image]);
  return { labels: Object.fromEntries(samples.map(({ id, labels }) => [id, labels])), notes, classes };
};

describe('labels of pictures', () => {
  it.each([
    ['labels.json', '{"a.png": 3, "b.png": ["cat", 4]}'],
    ['labels.json', '[{"file": "a.png", "label": 3}, {"file": "b.png", "labels": ["cat", 4], "source": "x"}]'],
  ])('come from %s: %s', async (name, text) => {
    await Promise.all([picture('a.png', 10), picture('b.png', 20)]);
    await writeFile(join(folder, name), text);
    const { labels, notes } = await labelsOf();
    expect(labels).toEqual({ 'a.png': [3], 'b.png': ['cat', 4] });
    expect(notes).toContain('2 of 2 have a label in labels.json');
  });

  it('come from labels.tsv beside the folder, by the column that is called so', async () => {
    await Promise.all([picture('lines/a.png', 10), picture('lines/b.png', 20)]);
    await writeFile(join(folder, 'labels.tsv'), 'file\tfont\ttext\na.png\tSerif\tHello you\n');
    const { labels } = await labelsOf(join(folder, 'lines'));
    expect(labels).toEqual({ 'a.png': ['Hello you'], 'b.png': undefined });
  });

  it('are the names of subfolders, and classes.txt says what the classes are called', async () => {
    await Promise.all([picture('cat/a.png', 10), picture('dog/a.png', 20)]);
    await writeFile(join(folder, 'classes.txt'), 'dog\ncat\n');
    const { labels, notes, classes } = await labelsOf();
    expect(labels).toEqual({ 'cat/a.png': ['cat'], 'dog/a.png': ['dog'] });
    expect(notes).toContain('2 subfolders are taken for classes');
    expect(classes).toEqual(['dog', 'cat']);
  });

  it('are refused when they are no labels', async () => {
    await picture('a.png', 10);
    await writeFile(join(folder, 'labels.json'), '[{"file": "a.png", "label": {}}]');
    await expect(labelsOf()).rejects.toThrow('labels.json: a.png: has a label that is neither a number nor text');
  });
});

describe('labels and sources beside inputs', () => {
  it('in .jsonl', async () => {
    const path = join(folder, 'x.jsonl');
    await writeFile(
      path,
      '{"x": [[1]], "label": 2, "source": "doc 1"}\n{"steps": [{"x": [[1]]}, {"x": [[2]]}], "labels": ["a", "b"]}\n{"x": [[3]]}\n',
    );
    const { samples } = await openData(path, [x]);
    expect(samples.map(({ id, labels, source, steps }) => [id, labels, source, steps.length])).toEqual([
      ['x.jsonl:1', [2], 'doc 1', 1],
      ['x.jsonl:2', ['a', 'b'], undefined, 2],
      ['x.jsonl:3', undefined, undefined, 1],
    ]);
  });

  it('in .npz, and of runs that a caller gives', async () => {
    const path = join(folder, 'x.npz');
    const ids = new Uint8Array(BigInt64Array.of(7n, 8n, 8n).buffer);
    await writeFile(
      path,
      zipSync({
        'x.npy': makeNpy('<f4', [3, 1], floats(1, 2, 3)),
        'labels.npy': makeNpy('<i8', [3], ids),
        'source.npy': makeNpy('<i8', [3], ids),
      }),
    );
    const { samples, notes } = await openData(path, [x]);
    expect(samples.map(({ labels, source }) => [labels, source])).toEqual([
      [[7], '7'],
      [[8], '8'],
      [[8], '8'],
    ]);
    expect(notes).toContain('3 samples of 2 sources: those of one choose or prove, never both');
    const given = await openData([{ x: [[1]], label: 'cat' }], [x]);
    expect(given.samples[0]?.labels).toEqual(['cat']);
    await expect(openData([{ x: [[1]], label: null }], [x])).rejects.toThrow('has a label that is neither a number nor text');
  });

  it('stay inputs where the model has one of that name', async () => {
    const label: ValueInfo = { name: 'label', dtype: 'f32', shape: ['N', 1] };
    const { samples } = await openData([{ x: [[1]], label: [[5]] }], [x, label]);
    expect(samples[0]?.labels).toBeUndefined();
    expect(samples[0]?.steps[0]?.label?.data[0]).toBe(5);
  });
});

const sample = (id: string, more: Partial<Sample> = {}): Sample => ({
  id,
  steps: [{ x: { dtype: 'f32', shape: [1, 1], data: Float32Array.of(Number(id)) } }],
  ...more,
});
const all = (samples: readonly Sample[]) => ({ evidence: 'data' as const, source: 'x', samples, notes: [] });

describe('halves', () => {
  it('keep samples of one source together', () => {
    const samples = Array.from({ length: 40 }, (_, i) => sample(String(i), { source: `photo ${i % 10}` }));
    const { choose, prove } = splitHalves(all(samples), 3);
    const sources = (half: typeof choose) => new Set(half.samples.map(({ source }) => source));
    expect([sources(choose).size, sources(prove).size]).toEqual([5, 5]);
    expect([...sources(choose)].filter((source) => sources(prove).has(source))).toEqual([]);
    expect(choose.samples.length + prove.samples.length).toBe(40);
  });

  it('have every class in equal parts', () => {
    const samples = Array.from({ length: 42 }, (_, i) => sample(String(i), { labels: [i < 6 ? 'rare' : i < 21 ? 'odd' : 'usual'] }));
    const { choose, prove } = splitHalves(all(samples), 5);
    const count = (half: typeof choose, label: string) => half.samples.filter(({ labels }) => labels?.[0] === label).length;
    expect([count(choose, 'rare'), count(prove, 'rare')]).toEqual([3, 3]);
    expect(Math.abs(count(choose, 'odd') - count(prove, 'odd'))).toBe(1);
    expect(choose.samples.length).toBe(21);
  });
});

it('the first samples chosen have the classes in their proportions', () => {
  const order = orderToChoose(100, 1, (index) => (index < 20 ? 'rare' : 'usual'));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  for (const count of [10, 25, 50])
    expect(Math.abs(order.slice(0, count).filter((index) => index < 20).length - count / 5)).toBeLessThanOrEqual(1);
});

it('the digest of samples does not depend on their order', () => {
  const samples = ['1', '2', '3'].map((id) => sample(id));
  expect(digestOfAll(samples.toReversed())).toBe(digestOfAll(samples));
  expect(digestOfAll(samples.slice(1))).not.toBe(digestOfAll(samples));
});
