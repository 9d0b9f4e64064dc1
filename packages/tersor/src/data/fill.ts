import type { Random } from '../core/random.ts';

/** A standard normal number. Source: Box and Muller 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * A picture of smooth fields from coarse to fine, with some hard edges and lines of digits, of mean 0 and deviation about 1 over all colours: to a network
 * it looks more like a photograph or a page than white noise does.
 * @returns `[channels, height, width]`
 */
export function smoothImage(channels: number, height: number, width: number, random: Random): Float32Array {
  const image = new Float32Array(channels * height * width);
  const light = smoothField(height, width, random);
  const tint = smoothField(height, width, random);
  for (let c = 0; c < channels; c++) {
    const share = normal(random) / 2;
    for (let i = 0; i < light.length; i++) image[c * light.length + i] = light[i]! + share * tint[i]!;
  }
  for (let patch = 2 + Math.floor(random() * 5); patch > 0; patch--) paintPatch(image, channels, height, width, random);
  for (let line = 1 + Math.floor(random() * 3); line > 0; line--) paintText(image, channels, height, width, random);
  return standardize(image, 0.6 + 0.6 * random(), 0.4 * (random() - 0.5));
}

/** Of the variance of features, the part that lasts over time. */
const LASTING = 0.8;

/**
 * Normally distributed features that change little along time, as real ones do: independent frames look all alike to a network that pools over them.
 * @param time  axis of time; absent: all elements are independent
 */
export function slowFeatures(shape: readonly number[], time: number | undefined, random: Random): Float32Array {
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (time === undefined) return Float32Array.from({ length: count }, () => normal(random));
  const inner = shape.slice(time + 1).reduce((product, dim) => product * dim, 1);
  const frames = shape[time] ?? 1;
  const pattern = Float32Array.from({ length: frames > 0 ? count / frames : 0 }, () => normal(random));
  return Float32Array.from({ length: count }, (_, i) => {
    const lasting = pattern[Math.floor(i / (inner * frames)) * inner + (i % inner)]!;
    return Math.sqrt(LASTING) * lasting + Math.sqrt(1 - LASTING) * normal(random);
  });
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

/** A sum of bilinearly interpolated random grids, from two cells a side up to 64, the finer the fainter. */
function smoothField(height: number, width: number, random: Random): Float32Array {
  const field = new Float32Array(height * width);
  for (let cells = 2, weight = 1; cells <= Math.max(height, width) / 2 && cells <= 64; cells *= 2, weight *= 0.6) {
    const grid = Float32Array.from({ length: (cells + 1) ** 2 }, () => normal(random) * weight);
    const line = new Float32Array(cells + 1);
    for (let y = 0; y < height; y++) {
      const upper = Math.floor((y / height) * cells) * (cells + 1);
      const part = (y / height) * cells - Math.floor((y / height) * cells);
      for (let x = 0; x <= cells; x++) line[x] = grid[upper + x]! * (1 - part) + grid[upper + cells + 1 + x]! * part;
      addLine(field.subarray(y * width, (y + 1) * width), line);
    }
  }
  return field;
}

/** Adds a line of few points to one of many. */
function addLine(row: Float32Array, line: Float32Array): void {
  const step = (line.length - 1) / row.length;
  for (let x = 0; x < row.length; x++) {
    const at = Math.floor(x * step);
    const part = x * step - at;
    row[x] = row[x]! + line[at]! * (1 - part) + (line[at + 1] ?? 0) * part;
  }
}

/** A rectangle of an image, in pixels; the ends are not part of it. */
interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** Digits as displays draw them: top, upper left, upper right, middle, lower left, lower right, bottom, as bits from the lowest. */
const DIGITS = [0b1110111, 0b0100100, 0b1011101, 0b1101101, 0b0101110, 0b1101011, 0b1111011, 0b0100101, 0b1111111, 0b1101111];

function paintPatch(image: Float32Array, channels: number, height: number, width: number, random: Random): void {
  const top = Math.floor(random() * height);
  const left = Math.floor(random() * width);
  const bottom = top + 1 + Math.floor((random() * height) / 2);
  const right = left + 1 + Math.floor((random() * width) / 4);
  for (let c = 0; c < channels; c++) shiftBox(image, height, width, c, { top, bottom, left, right }, 1.5 * normal(random));
}

/** Digits on a plate, dark on light or light on dark. */
function paintText(image: Float32Array, channels: number, height: number, width: number, random: Random): void {
  const size = Math.max(5, Math.floor(height * (0.1 + 0.5 * random() ** 2)));
  const advance = Math.ceil(size * 0.75);
  const count = Math.max(1, Math.min(Math.floor(width / advance), 3 + Math.floor(random() * 12)));
  const top = Math.floor(random() * Math.max(1, height - size));
  const left = Math.floor(random() * Math.max(1, width - count * advance));
  const ink = random() < 0.7 ? -3 : 3;
  const margin = Math.ceil(size / 6);
  const plate = { top: top - margin, bottom: top + size + margin, left: left - margin, right: left + count * advance + margin };
  for (let c = 0; c < channels; c++) shiftBox(image, height, width, c, plate, -ink / 2);
  for (let i = 0; i < count; i++) {
    const strokes = digitStrokes(DIGITS[Math.floor(random() * DIGITS.length)]!, top, left + i * advance, size);
    for (const stroke of strokes) for (let c = 0; c < channels; c++) shiftBox(image, height, width, c, stroke, ink);
  }
}

function digitStrokes(bits: number, top: number, left: number, size: number): Box[] {
  const thick = Math.max(1, Math.round(size / 8));
  const middle = top + Math.floor(size / 2);
  const bottom = top + size;
  const right = left + Math.max(2, Math.floor(size / 2));
  const lying = (at: number): Box => ({ top: at, bottom: at + thick, left, right });
  const standing = (at: number, from: number, to: number): Box => ({ top: from, bottom: to, left: at, right: at + thick });
  const strokes = [
    lying(top),
    standing(left, top + thick, middle),
    standing(right - thick, top + thick, middle),
    lying(middle),
    standing(left, middle + thick, bottom - thick),
    standing(right - thick, middle + thick, bottom - thick),
    lying(bottom - thick),
  ];
  return strokes.filter((_, bit) => Math.floor(bits / 2 ** bit) % 2 === 1);
}

/** Makes a box of one colour lighter or darker; what lies outside of the image is cut off. */
function shiftBox(
  image: Float32Array,
  height: number,
  width: number,
  channel: number,
  { top, bottom, left, right }: Box,
  shift: number,
): void {
  for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
    const row = (channel * height + y) * width;
    for (let x = Math.max(0, left); x < Math.min(width, right); x++) image[row + x] = image[row + x]! + shift;
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
