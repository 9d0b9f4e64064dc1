import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ValueInfo } from '../../src/core/graph.ts';
import { decodeWav } from '../../src/data/decode-wav.ts';
import { openData } from '../../src/data/open-data-node.ts';
import { parsePreprocess } from '../../src/data/preprocess.ts';
import { resampleSound } from '../../src/data/resample-sound.ts';

interface Making {
  readonly code?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  /** Instead of the true number of bytes of sound. */
  readonly claimed?: number;
}

/** A WAV file around `sound`, with a chunk in between that nobody needs. */
function wav(sound: Uint8Array, { code = 1, channels = 1, rate = 16000, bits = 16, claimed = sound.length }: Making = {}): Buffer {
  const format = Buffer.alloc(24);
  format.write('fmt ');
  format.writeUInt32LE(16, 4);
  format.writeUInt16LE(code, 8);
  format.writeUInt16LE(channels, 10);
  format.writeUInt32LE(rate, 12);
  format.writeUInt32LE((rate * channels * bits) / 8, 16);
  format.writeUInt16LE((channels * bits) / 8, 20);
  format.writeUInt16LE(bits, 22);
  const data = Buffer.alloc(8);
  data.write('data');
  data.writeUInt32LE(claimed, 4);
  const list = Buffer.from('LIST\x03\0\0\0abc\0', 'latin1');
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE'), format, list, data, sound]);
}

const shorts = (...values: number[]) => new Uint8Array(Int16Array.from(values).buffer);
const ramp = (count: number) => shorts(...Array.from({ length: count }, (_, i) => i * 8));

let folder = '';
const path = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-sounds-'));
  await writeFile(path('a.wav'), wav(ramp(10)));
  await writeFile(path('b.wav'), wav(ramp(3)));
  await writeFile(path('labels.json'), '[]');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('decodeWav', () => {
  it.each([
    ['8 bits', Uint8Array.from([128, 192, 0]), { bits: 8 }],
    ['16 bits', shorts(0, 16384, -32768), { bits: 16 }],
    ['24 bits', Uint8Array.from([0, 0, 0, 0, 0, 0x40, 0, 0, 0x80]), { bits: 24 }],
    ['32 bits', new Uint8Array(Int32Array.from([0, 2 ** 30, -(2 ** 31)]).buffer), { bits: 32 }],
    ['floats', new Uint8Array(Float32Array.from([0, 0.5, -1]).buffer), { code: 3, bits: 32 }],
    ['doubles', new Uint8Array(Float64Array.from([0, 0.5, -1]).buffer), { code: 3, bits: 64 }],
    ['two channels', shorts(0, 0, 32000, 768, -32768, -32768), { channels: 2 }],
    ['a size that was never written', shorts(0, 16384, -32768), { claimed: 0xffffffff }],
  ])('reads %s', (_, sound, making) => {
    expect(decodeWav(wav(sound, making), 30, 'x.wav')).toEqual({ rate: 16000, samples: Float32Array.of(0, 0.5, -1) });
  });

  it('stops when it has enough', () => {
    expect(decodeWav(wav(ramp(100), { rate: 100 }), 0.1, 'x.wav').samples).toHaveLength(10);
  });

  it.each([
    [Buffer.from('RIFFabcd'), 'x.wav: is no WAV file'],
    [wav(shorts(1)).subarray(0, 20), 'x.wav: has a format that ends too early'],
    [wav(shorts(1)).subarray(0, 36), 'x.wav: holds no sound'],
    [wav(shorts()), 'x.wav: holds no sound'],
    [wav(shorts(1), { channels: 65 }), 'x.wav: claims 65 channels'],
    [wav(shorts(1), { rate: 0 }), 'x.wav: claims 0 samples a second'],
    [wav(shorts(1), { bits: 12 }), 'x.wav: holds format 1 of 12 bits'],
    [wav(shorts(1), { code: 85 }), 'x.wav: holds format 85 of 16 bits'],
    [wav(new Uint8Array(Float32Array.of(Number.NaN).buffer), { code: 3, bits: 32 }), 'x.wav: holds values that are no numbers'],
  ])('refuses what is broken', (bytes, message) => {
    expect(() => decodeWav(bytes, 30, 'x.wav')).toThrow(message);
  });
});

describe('resampleSound', () => {
  const tone = (hertz: number, rate: number) => ({
    rate,
    samples: Float32Array.from({ length: rate / 10 }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate)),
  });

  it.each([
    [48000, 16000],
    [44100, 16000],
    [8000, 16000],
  ])('keeps a tone from %d to %d samples a second', (from, to) => {
    const result = resampleSound(tone(1000, from), to);
    const expected = tone(1000, to).samples;
    expect(result).toHaveLength(expected.length);
    const middle = (samples: Float32Array) => samples.subarray(200, -200);
    expect(Math.max(...middle(result).map((value, i) => Math.abs(value - middle(expected)[i]!)))).toBeLessThan(2e-3);
  });

  it('silences what the new rate cannot hold', () => {
    const result = resampleSound(tone(12000, 48000), 16000).subarray(100, -100);
    expect(Math.max(...result.map(Math.abs))).toBeLessThan(2e-3);
  });
});

describe('a folder of clips', () => {
  const audio: ValueInfo = { name: 'input', dtype: 'f32', shape: ['batch', 'samples'] };
  const rate: ValueInfo = { name: 'sr', dtype: 'i64', shape: [] };
  const state: ValueInfo = { name: 'state', dtype: 'f32', shape: [2, 'batch', 128] };
  const outputs: ValueInfo[] = [{ name: 'stateN', dtype: 'f32', shape: [2, 'batch', 128] }];
  const bytes = (data: ArrayLike<unknown> | undefined) => Array.from(data ?? [], (x) => Number(x) * 4096);

  it('is a sequence of windows each, for models with state', async () => {
    const { samples, notes } = await openData(folder, [audio, rate, state], { outputs, preprocess: parsePreprocess('window=4,context=2') });
    expect(samples.map(({ id, steps }) => [id, steps.map(({ input }) => bytes(input?.data))])).toEqual([
      [
        'a.wav',
        [
          [0, 0, 0, 1, 2, 3],
          [2, 3, 4, 5, 6, 7],
        ],
      ],
      ['b.wav', [[0, 0, 0, 1, 2, 0]]],
    ]);
    expect(samples[0]?.steps[1]).toEqual({
      input: expect.objectContaining({ shape: [1, 6] }),
      sr: { dtype: 'i64', shape: [], data: BigInt64Array.of(16000n) },
    });
    expect(samples[0]?.steps[0]?.state?.shape).toEqual([2, 1, 128]);
    expect(notes).toEqual([
      'input: window=4, context=2 (--preprocess); rate=16000, standardize=false (from f32 [batch, samples]; correct it with --preprocess)',
    ]);
  });

  it('knows what silero wants', async () => {
    const { samples, notes } = await openData(path('a.wav'), [audio, rate, state], { outputs });
    expect(samples[0]?.steps[0]?.input?.shape).toEqual([1, 576]);
    expect(notes[0]).toBe(
      'input: rate=16000, window=512, context=64, standardize=false (from f32 [batch, samples]; correct it with --preprocess)',
    );
  });

  it('is whole clips where nothing says otherwise, or windows of the fixed length', async () => {
    const whole = await openData(folder, [audio]);
    expect(whole.samples.map(({ steps }) => steps[0]?.input?.shape)).toEqual([
      [1, 10],
      [1, 3],
    ]);
    const fixed = await openData(path('a.wav'), [{ name: 'audio', dtype: 'i16', shape: [5] }]);
    expect(fixed.samples[0]?.steps.map(({ audio }) => Array.from(audio?.data ?? [], Number))).toEqual([
      [0, 8, 16, 24, 32],
      [40, 48, 56, 64, 72],
    ]);
  });

  it('is resampled, and standardised where the model wants it', async () => {
    const slower = await openData(path('a.wav'), [audio], { preprocess: parsePreprocess('rate=8000') });
    expect(slower.samples[0]?.steps[0]?.input?.shape).toEqual([1, 5]);
    await writeFile(path('preprocessor_config.json'), '{"sampling_rate": 16000, "do_normalize": true}');
    const { samples, notes } = await openData(path('a.wav'), [audio], { model: path('model.onnx') });
    const values = Array.from(samples[0]?.steps[0]?.input?.data ?? [], Number);
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 4);
    expect(values.reduce((sum, value) => sum + value * value, 0) / 10).toBeCloseTo(0.831, 3); // v / (v + 1e-7), where v = 8.25 * (8 / 32768)²
    expect(notes[0]).toContain('rate=16000, standardize=true (preprocessor_config.json)');
  });

  it('says when the model does not hear', async () => {
    const wanted: ValueInfo[] = [
      { name: 'x', dtype: 'f32', shape: [1, 3, 8, 8] },
      { name: 'input_features', dtype: 'f32', shape: ['batch', 'bands', 'frames'] },
    ];
    for (const input of wanted) await expect(openData(folder, [input])).rejects.toThrow('sound: the model takes no sound');
  });
});
