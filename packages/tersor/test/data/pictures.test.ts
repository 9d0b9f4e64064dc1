import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import { openData } from '../../src/data/open-data-node.ts';
import { parsePreprocess, type Resample } from '../../src/data/preprocess.ts';
import { resize } from '../../src/data/resize.ts';

const image = (...shape: (number | string)[]): ValueInfo => ({ name: 'pixels', dtype: 'f32', shape });

/** Pictures of 4 x 2: the byte of channel c at column x and row y is 60 x + 20 y + 5 c. */
const byteAt = (x: number, y: number, c: number) => 60 * x + 20 * y + 5 * c;

function png(width: number, height: number, byte = byteAt, alpha = 255): Buffer {
  const picture = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) picture.data[i * 4 + c] = byte(i % width, Math.floor(i / width), c);
    picture.data[i * 4 + 3] = alpha;
  }
  return PNG.sync.write(picture);
}

let folder = '';
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-pictures-'));
  for (const name of ['set/deep', 'model', 'hostile', 'mixed', 'empty']) await mkdir(path(name), { recursive: true });
  await writeFile(path('set/a.png'), png(4, 2));
  await writeFile(path('set/b.PNG'), png(4, 2));
  await writeFile(path('set/deep/c.png'), png(2, 4));
  await writeFile(path('set/.hidden.png'), 'no picture');
  await writeFile(path('set/labels.json'), '{}');
  await writeFile(path('one.png'), png(4, 2));
  await writeFile(
    path('clear.png'),
    png(1, 1, () => 0, 0),
  );
  await writeFile(path('gray.jpg'), jpeg.encode({ width: 8, height: 8, data: Buffer.alloc(8 * 8 * 4, 100) }, 100).data);
  await writeFile(path('hostile/text.png'), 'this is no picture');
  const huge = png(4, 2);
  huge.writeUInt32BE(0x7fffffff, 16);
  await writeFile(path('hostile/huge.png'), huge);
  await writeFile(path('hostile/cut.png'), png(4, 2).subarray(0, 50));
  const wide = jpeg.encode({ width: 8, height: 8, data: Buffer.alloc(8 * 8 * 4) }, 50).data;
  const frame = wide.indexOf(Buffer.from([0xff, 0xc0]));
  wide.writeUInt16BE(0xffff, frame + 5);
  wide.writeUInt16BE(0xffff, frame + 7);
  await writeFile(path('hostile/wide.jpg'), wide);
  await writeFile(path('mixed/a.png'), png(4, 2));
  await writeFile(path('mixed/b.npz'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The only sample's values, rounded to hundredths, and their shape. */
async function read(name: string, input: ValueInfo, preprocess?: string, model?: string) {
  const { samples, notes } = await openData(path(name), [input], {
    ...(preprocess !== undefined && { preprocess: parsePreprocess(preprocess) }),
    ...(model !== undefined && { model: path(model) }),
  });
  const value = samples[0]?.steps[0]?.pixels;
  return { shape: value?.shape, values: Array.from<unknown, number>(value?.data ?? [], (x) => Math.round(Number(x) * 100) / 100), notes };
}

describe('a folder of pictures', () => {
  it('is a sample each, below it too, without exact duplicates and hidden files', async () => {
    const { samples, source, notes } = await openData(path('set'), [image(1, 3, 2, 2)], { preprocess: parsePreprocess('scale=1') });
    expect(samples.map(({ id }) => id)).toEqual(['a.png', join('deep', 'c.png')]);
    expect(source).toBe('set (3 pictures)');
    expect(notes).toEqual([
      'pixels: scale=1 (--preprocess); size=2x2, resample=bilinear, mean=0, std=1, channels=rgb, layout=nchw (from f32 [1, 3, 2, 2]; correct it with --preprocess)',
      '1 exact duplicate is left out',
    ]);
  });

  it.each([
    ['empty', 'empty: holds no .npz files, no pictures, no clips'],
    ['mixed', 'mixed: holds data of several kinds (1 .npz files, 1 pictures)'],
    ['hostile/text.png', 'text.png: is neither PNG nor JPEG'],
    ['hostile/huge.png', 'huge.png: claims 2147483647 x 2 pixels'],
    ['hostile/cut.png', 'cut.png: does not decode'],
    ['hostile/wide.jpg', 'wide.jpg: does not decode: maxResolutionInMP limit exceeded'],
  ])('says what is wrong with %s', async (name, message) => {
    await expect(read(name, image(1, 3, 2, 2))).rejects.toThrow(message);
    await expect(read(name, image(1, 3, 2, 2))).rejects.toMatchObject({ code: 'DATA_INVALID' });
  });

  it.each([
    [[image('N', 10)], 'one.png: the model takes no pictures\n  it takes pixels: f32 [N, 10]'],
    [[image(1, 3, 8, 8), { ...image(1, 3, 8, 8), name: 'other' }], 'the model takes more than one picture (pixels, other)'],
    [[image(1, 4, 8, 8)], 'pixels: f32 [1, 4, 8, 8] wants 4 channels'],
  ])('says when the model takes none', async (inputs, message) => {
    await expect(openData(path('one.png'), inputs)).rejects.toThrow(message);
  });
});

describe('a picture', () => {
  it('is scaled and normalised channel by channel, in the order that the model wants', async () => {
    const plain = await read('one.png', image(1, 3, 2, 4), 'scale=1');
    expect(plain.values).toEqual([0, 1, 2].flatMap((c) => [0, 1].flatMap((y) => [0, 1, 2, 3].map((x) => byteAt(x, y, c)))));
    const bgr = await read('one.png', image('N', 2, 4, 3), 'scale=1/5,mean=0/1/2,std=1/2/4,channels=bgr,layout=nhwc');
    expect(bgr.shape).toEqual([1, 2, 4, 3]);
    expect(bgr.values.slice(0, 6)).toEqual([2, 0, -0.5, 14, 6, 2.5]);
  });

  it('is bytes for an input of bytes, 0 to 1 for one of floats, and gray where there is one channel', async () => {
    expect((await read('one.png', { ...image(1, 2, 4, 3), dtype: 'u8' })).values.slice(0, 4)).toEqual([0, 5, 10, 60]);
    expect((await read('one.png', image(1, 3, 2, 4))).values[3]).toBe(0.71);
    const gray = await read('one.png', image('N', 1, 2, 4), 'scale=1');
    expect(gray.shape).toEqual([1, 1, 2, 4]);
    expect(gray.values.slice(0, 2)).toEqual([4, 64]); // 0.587 * 5 + 0.114 * 10
  });

  it('keeps its size where the model leaves it open, and its aspect where one side is given', async () => {
    expect((await read('one.png', image('N', 'C', 'H', 'W'))).shape).toEqual([1, 3, 2, 4]);
    expect((await read('one.png', image('N', 3, 48, 'W'), 'size=x48')).shape).toEqual([1, 3, 48, 96]);
    expect((await read('one.png', image('N', 3, 'H', 'W'), 'size=8x')).shape).toEqual([1, 3, 4, 8]);
    expect((await read('one.png', image('N', 3, 'H', 'W'), 'size=3')).shape).toEqual([1, 3, 3, 6]);
  });

  it('gives its middle where the shorter side is fitted, and is filled up with zeros where it is too small', async () => {
    const middle = await read('one.png', image(1, 3, 2, 2), 'size=2,scale=1');
    expect(middle.values.slice(0, 4)).toEqual([60, 120, 80, 140]);
    expect((await read('one.png', image(1, 3, 'H', 'W'), 'size=2,crop=2,scale=1')).values).toEqual(middle.values);
    const padded = await read('one.png', image(1, 1, 2, 6), 'size=x2,scale=1,mean=1');
    expect(padded.values.slice(0, 6)).toEqual([3, 63, 123, 183, 0, 0]);
    expect((await read('one.png', image(1, 3, 2, 3), 'size=x2')).shape).toEqual([1, 3, 2, 3]);
  });

  it('is laid on white where it is transparent, and may be a JPEG', async () => {
    expect((await read('clear.png', image(1, 3, 1, 1))).values).toEqual([1, 1, 1]);
    const { values } = await read('gray.jpg', image(1, 3, 8, 8), 'scale=1');
    expect(Math.max(...values.map((value) => Math.abs(value - 100)))).toBeLessThanOrEqual(1);
  });
});

describe('preprocessor_config.json', () => {
  const configured = async (config: unknown, input = image('N', 3, 'H', 'W'), preprocess?: string) => {
    await writeFile(path('model/preprocessor_config.json'), JSON.stringify(config));
    return read('one.png', input, preprocess, 'model/model.onnx');
  };

  it.each([
    ['height and width', { size: { height: 4, width: 6 } }, [1, 3, 4, 6]],
    ['the shorter side', { size: { shortest_edge: 3 } }, [1, 3, 3, 6]],
    ['the longer one limits', { size: { shortest_edge: 8, longest_edge: 8 } }, [1, 3, 4, 8]],
    ['a square', { size: 5 }, [1, 3, 5, 5]],
    ['a cut', { size: 4, do_center_crop: true, crop_size: 3 }, [1, 3, 3, 3]],
    ['ConvNeXt', { size: { shortest_edge: 7 }, crop_pct: 0.875 }, [1, 3, 7, 7]],
    ['no resizing', { do_resize: false, size: 5 }, [1, 3, 2, 4]],
  ])('sizes: %s', async (_, config, shape) => {
    expect((await configured(config)).shape).toEqual(shape);
  });

  it('normalises, and gives way to --preprocess', async () => {
    const config = { do_resize: false, do_normalize: true, image_mean: [0.5, 0, 0], image_std: [0.5, 1, 1], rescale_factor: 1 / 60 };
    expect((await configured(config)).values.slice(0, 4)).toEqual([-1, 1, 3, 5]);
    const corrected = await configured(config, undefined, 'mean=0');
    expect(corrected.values.slice(0, 4)).toEqual([0, 2, 4, 6]);
    expect(corrected.notes[0]).toContain('(preprocessor_config.json and --preprocess)');
    expect((await configured({ ...config, do_rescale: false, do_normalize: false, do_flip_channel_order: true })).values[0]).toBe(10);
  });

  it.each([
    [{ size: { shortest_edge: 1e9 } }, 'preprocessor_config.json: size.shortest_edge: is 1000000000, not a number from 1 to 16384'],
    [{ image_mean: ['x'] }, 'preprocessor_config.json: image_mean: is not one number a channel'],
    [{ image_std: 0 }, 'preprocessor_config.json: image_std: holds a zero'],
    [[], 'preprocessor_config.json: is not a JSON object'],
  ])('is refused where it makes no sense: %j', async (config, message) => {
    await expect(configured(config)).rejects.toThrow(message);
  });
});

describe('resize', () => {
  const picture = { width: 7, height: 5, data: Uint8Array.from({ length: 105 }, (_, i) => (i * 37 + ((i * i) % 91)) % 256) };

  /** Made with Pillow: `Image.frombytes('RGB', (7, 5), bytes((i * 37 + (i * i) % 91) % 256 for i in range(105))).resize((3, 2), filter)`. */
  const PILLOW: Readonly<Record<Exclude<Resample, 'linear'>, readonly number[]>> = {
    nearest: [150, 236, 233, 167, 174, 183, 74, 93, 205, 217, 205, 30, 192, 192, 194, 148, 160, 174],
    lanczos: [97, 124, 158, 135, 106, 137, 149, 109, 82, 110, 135, 133, 114, 122, 142, 174, 96, 108],
    bilinear: [101, 123, 155, 136, 110, 136, 147, 109, 89, 110, 131, 130, 122, 121, 142, 164, 98, 106],
    bicubic: [97, 124, 159, 136, 104, 133, 149, 111, 86, 110, 134, 133, 116, 119, 141, 171, 98, 107],
    box: [94, 131, 171, 134, 85, 115, 157, 124, 90, 137, 143, 133, 103, 97, 120, 176, 107, 122],
  };

  it.each(Object.entries(PILLOW))('%s gives what Pillow gives', (resample, expected) => {
    expect([...resize(picture, 3, 2, resample as Resample).data]).toEqual(expected);
  });

  it('leaves a picture of the same size as it is, and linear averages only neighbours', () => {
    expect(resize(picture, 7, 5, 'lanczos')).toEqual(picture);
    const row = { width: 4, height: 1, data: Uint8Array.from([0, 0, 0, 10, 10, 10, 20, 20, 20, 100, 100, 100]) };
    expect(resize(row, 1, 1, 'linear').data[0]).toBe(15);
    expect(resize(row, 1, 1, 'box').data[0]).toBe(33);
  });
});

describe('--preprocess', () => {
  it('is read key by key', () => {
    expect(parsePreprocess('size=224x160, scale=1/255,mean=0.5,std=0.1/0.2/0.3,channels=bgr,layout=nhwc,resample=linear')).toEqual({
      size: { width: 224, height: 160 },
      scale: 1 / 255,
      mean: [0.5],
      std: [0.1, 0.2, 0.3],
      channels: 'bgr',
      layout: 'nhwc',
      resample: 'linear',
    });
    expect(parsePreprocess('size=x48')).toEqual({ size: { height: 48 } });
    expect(parsePreprocess('size=256,crop=224')).toEqual({ size: { shortest: 256 }, crop: { width: 224, height: 224 } });
  });

  it.each([
    ['sise=3', 'no setting "sise"\n  did you mean "size"?'],
    ['size=x', 'size takes width x height'],
    ['size=0x3', 'a whole number from 1 to 16384'],
    ['size=99999', 'a whole number from 1 to 16384'],
    ['scale=1/0', 'scale takes a number such as 1/255'],
    ['mean=1/2', 'one number, or one a channel'],
    ['std=1/0/1', 'numbers other than 0'],
    ['channels=rgba', 'rgb | bgr | gray'],
    ['', 'no setting ""'],
  ])('refuses %s', (text, message) => {
    expect(() => parsePreprocess(text)).toThrow(message);
  });

  it('is refused where nothing is prepared', async () => {
    await writeFile(path('feeds.jsonl'), '{}');
    await expect(read('feeds.jsonl', image(1), 'size=3')).rejects.toMatchObject({ code: 'OPTION_VALUE', where: '--preprocess' });
  });
});
