import { Tensor } from 'onnxruntime-node';
import type { Tensors } from './task.ts';

const SIZE = 960;
const HOP = 480;
const BINS = SIZE / 2 + 1;
const BANDS = 32;
const FILTERED = 96;
/** How much of the running mean stays from frame to frame: a second at 48 kHz. */
const KEPT = 0.99;
/** Of one sample: a second. */
export const FRAMES = 100;

const COSINE = Float64Array.from({ length: SIZE }, (_, i) => Math.cos((2 * Math.PI * i) / SIZE));
const WINDOW = Float64Array.from({ length: SIZE }, (_, i) => Math.sin((Math.PI / 2) * Math.sin((Math.PI * (i + 0.5)) / SIZE) ** 2));
const known = new WeakMap<Float32Array, Tensors[]>();

/**
 * What DeepFilterNet's encoder hears of 16 kHz speech: the energy of 32 bands and the lowest 96 bins, both normalised by their running mean, second by second.
 * Source: Schröter et al. 2022, DeepFilterNet2, https://arxiv.org/abs/2205.05474, section 2.
 */
export function filterFeatures(speech: Float32Array, seconds: number): Tensors[] {
  const before = known.get(speech);
  if (before) return before;
  const sound = tripled(speech);
  const widths = bandWidths();
  const bandMeans = Float64Array.from({ length: BANDS }, (_, i) => -60 - (30 * i) / (BANDS - 1));
  const binMeans = Float64Array.from({ length: FILTERED }, (_, i) => 0.001 - (0.0009 * i) / (FILTERED - 1));
  const samples = Array.from({ length: Math.min(seconds, Math.floor(sound.length / (HOP * FRAMES)) - 1) }, (_, second) => {
    const bands = new Float32Array(FRAMES * BANDS);
    const bins = new Float32Array(2 * FRAMES * FILTERED);
    for (let t = 0; t < FRAMES; t++) {
      const { re, im } = spectrum(sound, (second * FRAMES + t) * HOP);
      let bin = 0;
      for (const [b, width] of widths.entries()) {
        let power = 0;
        for (const end = bin + width; bin < end; bin++) power += (re[bin]! ** 2 + im[bin]! ** 2) / width;
        const level = 10 * Math.log10(power + 1e-10);
        bandMeans[b] = level * (1 - KEPT) + bandMeans[b]! * KEPT;
        bands[t * BANDS + b] = (level - bandMeans[b]!) / 40;
      }
      for (let i = 0; i < FILTERED; i++) {
        binMeans[i] = Math.hypot(re[i]!, im[i]!) * (1 - KEPT) + binMeans[i]! * KEPT;
        bins[t * FILTERED + i] = re[i]! / Math.sqrt(binMeans[i]!);
        bins[(FRAMES + t) * FILTERED + i] = im[i]! / Math.sqrt(binMeans[i]!);
      }
    }
    return {
      feat_erb: new Tensor('float32', bands, [1, 1, FRAMES, BANDS]),
      feat_spec: new Tensor('float32', bins, [1, 2, FRAMES, FILTERED]),
    };
  });
  known.set(speech, samples);
  return samples;
}

/** 16 to 48 kHz, in straight lines. */
function tripled(speech: Float32Array): Float32Array {
  return Float32Array.from({ length: speech.length * 3 - 2 }, (_, i) => {
    const [low, part] = [Math.floor(i / 3), (i % 3) / 3];
    return speech[low]! * (1 - part) + (speech[low + 1] ?? 0) * part;
  });
}

function spectrum(sound: Float32Array, from: number) {
  const [re, im] = [new Float64Array(BINS), new Float64Array(BINS)];
  for (let k = 0; k < BINS; k++) {
    for (let i = 0; i < SIZE; i++) {
      const value = sound[from + i]! * WINDOW[i]!;
      const phase = (k * i) % SIZE;
      re[k]! += value * COSINE[phase]!;
      im[k]! -= value * COSINE[(phase + (3 * SIZE) / 4) % SIZE]!;
    }
    re[k]! /= SIZE;
    im[k]! /= SIZE;
  }
  return { re, im };
}

/** Bins of each band: equally wide for the ear (equivalent rectangular bandwidth), at least two. */
function bandWidths(): number[] {
  const toErb = (hertz: number) => 9.265 * Math.log1p(hertz / (24.7 * 9.265));
  const toHertz = (erb: number) => 24.7 * 9.265 * Math.expm1(erb / 9.265);
  const widths: number[] = [];
  let [before, over] = [0, 0];
  for (let band = 1; band <= BANDS; band++) {
    const end = Math.round(toHertz((toErb(24000) * band) / BANDS) / 50);
    const wanted = end - before - over;
    over = Math.max(0, 2 - wanted);
    widths.push(Math.max(2, wanted));
    before = end;
  }
  widths[BANDS - 1]! += BINS - widths.reduce((sum, width) => sum + width, 0);
  return widths;
}
