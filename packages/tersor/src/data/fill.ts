import type { Random } from '../core/random.ts';

/** Two independent standard normal numbers make one call cheap; Box and Muller 1958. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * A picture as plain sums of smooth fields from coarse to fine, with a few hard edges, of mean 0 and deviation about 1 over all colours: what
 * photographs look like to a network, and white noise does not.
 * @returns `[channels, height, width]`
 */
export function smoothImage(channels: number, height: number, width: number, random: Random): Float32Array {
  const image = new Float32Array(channels * height * width);
  const shared = smoothField(height, width, random);
  for (let c = 0; c < channels; c++) {
    const own = smoothField(height, width, random);
    for (let i = 0; i < own.length; i++) image[c * own.length + i] = shared[i]! + 0.5 * own[i]!;
  }
  for (let patch = 2 + Math.floor(random() * 5); patch > 0; patch--) paintPatch(image, channels, height, width, random);
  return standardize(image, 0.6 + 0.6 * random(), 0.4 * (random() - 0.5));
}

/**
 * Sound as stretches of silence, voice (harmonics of a gliding pitch), pure tones and noise, within [-1, 1].
 * @param rate samples a second
 */
export function soundscape(length: number, rate: number, random: Random): Float32Array {
  const sound = new Float32Array(length);
  for (let start = 0; start < length; ) {
    const span = Math.max(1, Math.min(length - start, Math.floor(rate * (0.05 + 0.3 * random()))));
    paintSound(sound.subarray(start, start + span), rate, random);
    start += span;
  }
  for (let i = 0; i < length; i++) sound[i] = Math.max(-1, Math.min(1, sound[i]! + 0.002 * normal(random)));
  return sound;
}

function smoothField(height: number, width: number, random: Random): Float32Array {
  const field = new Float32Array(height * width);
  for (let cells = 2, weight = 1; cells <= Math.max(height, width) / 2 && cells <= 64; cells *= 2, weight *= 0.6) {
    const grid = Float32Array.from({ length: (cells + 1) ** 2 }, () => normal(random) * weight);
    for (let y = 0; y < height; y++) {
      const gy = (y / height) * cells;
      const top = Math.floor(gy) * (cells + 1);
      const fy = gy - Math.floor(gy);
      for (let x = 0; x < width; x++) {
        const gx = (x / width) * cells;
        const at = top + Math.floor(gx);
        const fx = gx - Math.floor(gx);
        const upper = grid[at]! * (1 - fx) + grid[at + 1]! * fx;
        const lower = grid[at + cells + 1]! * (1 - fx) + grid[at + cells + 2]! * fx;
        field[y * width + x] = field[y * width + x]! + upper * (1 - fy) + lower * fy;
      }
    }
  }
  return field;
}

function paintPatch(image: Float32Array, channels: number, height: number, width: number, random: Random): void {
  const top = Math.floor(random() * height);
  const left = Math.floor(random() * width);
  const bottom = Math.min(height, top + 1 + Math.floor((random() * height) / 2));
  const right = Math.min(width, left + 1 + Math.floor((random() * width) / 4));
  for (let c = 0; c < channels; c++) {
    const shift = 1.5 * normal(random);
    for (let y = top; y < bottom; y++) {
      const row = (c * height + y) * width;
      for (let x = left; x < right; x++) image[row + x] = image[row + x]! + shift;
    }
  }
}

function standardize(values: Float32Array, deviation: number, mean: number): Float32Array {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const center = sum / values.length;
  const spread = Math.sqrt(Math.max(squares / values.length - center * center, 1e-12));
  return values.map((value) => ((value - center) / spread) * deviation + mean);
}

function paintSound(part: Float32Array, rate: number, random: Random): void {
  const kind = random();
  const loudness = 0.05 + 0.35 * random();
  if (kind < 0.2) return;
  const fade = (i: number) => loudness * Math.sin((Math.PI * (i + 0.5)) / part.length);
  if (kind < 0.35) {
    for (let i = 0; i < part.length; i++) part[i] = fade(i) * 0.5 * normal(random);
    return;
  }
  const voiced = kind < 0.85;
  const pitch = voiced ? 80 + 170 * random() : 200 + 3000 * random();
  const glide = voiced ? 0.8 + 0.4 * random() : 1;
  const formants = [300 + 600 * random(), 900 + 1600 * random()];
  const harmonics = voiced ? Math.min(40, Math.floor(rate / 2 / (pitch * 1.2))) : 1;
  const weights = Array.from({ length: harmonics }, (_, k) => (voiced ? 0.3 / (k + 1) + resonance((k + 1) * pitch, formants) : 1));
  let phase = 0;
  for (let i = 0; i < part.length; i++) {
    phase += (2 * Math.PI * pitch * (1 + ((glide - 1) * i) / part.length)) / rate;
    let value = 0;
    for (let k = 0; k < harmonics; k++) value += weights[k]! * Math.sin((k + 1) * phase);
    part[i] = (fade(i) * value) / (voiced ? 2 : 1);
  }
}

function resonance(frequency: number, formants: readonly number[]): number {
  return formants.reduce((sum, center) => sum + Math.exp(-(((frequency - center) / 120) ** 2)), 0);
}
