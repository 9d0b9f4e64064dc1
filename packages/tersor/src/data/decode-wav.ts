import { TersorError } from '../core/error.ts';

/** One channel of sound in [-1, 1]. */
export interface Sound {
  /** Samples a second. */
  readonly rate: number;
  readonly samples: Float32Array;
}

const MAX_CHANNELS = 64;
const MAX_RATE = 768_000;
const PCM = 1;
const FLOAT = 3;
/** The true format stands further behind. */
const EXTENSIBLE = 0xfffe;

interface Format {
  readonly code: number;
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
}

/**
 * The first seconds of a WAV file: PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64; several channels become their mean.
 * @throws DATA_INVALID when it is something else, or contradicts itself
 * Source: Multimedia Programming Interface and Data Specifications 1.0, IBM and Microsoft 1991; WAVEFORMATEXTENSIBLE.
 */
export function decodeWav(bytes: Uint8Array, maxSeconds: number, where: string): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tag = (at: number) => (at + 4 <= bytes.length ? String.fromCharCode(...bytes.subarray(at, at + 4)) : '');
  if (tag(0) !== 'RIFF' || tag(8) !== 'WAVE') throw invalid(where, 'is no WAV file');
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    const end = Math.min(bytes.length, start + size);
    if (tag(at) === 'fmt ') format = readFormat(view, start, end, where);
    // A recorder that was cut off never wrote the true size: what is there counts.
    if (tag(at) === 'data') {
      if (!format) throw invalid(where, 'has sound before it says in which format');
      return { rate: format.rate, samples: readSamples(view, start, end, format, maxSeconds, where) };
    }
    at = start + size + (size % 2);
  }
  throw invalid(where, 'holds no sound');
}

function readFormat(view: DataView, start: number, end: number, where: string): Format {
  if (end - start < 16) throw invalid(where, 'has a format that ends too early');
  const stated = view.getUint16(start, true);
  const code = stated === EXTENSIBLE && end - start >= 26 ? view.getUint16(start + 24, true) : stated;
  const [channels, rate, bits] = [view.getUint16(start + 2, true), view.getUint32(start + 4, true), view.getUint16(start + 14, true)];
  if (channels < 1 || channels > MAX_CHANNELS) throw invalid(where, `claims ${channels} channels`);
  if (rate < 1 || rate > MAX_RATE) throw invalid(where, `claims ${rate} samples a second`);
  const known = code === PCM ? [8, 16, 24, 32] : code === FLOAT ? [32, 64] : [];
  if (!known.includes(bits)) throw invalid(where, `holds format ${code} of ${bits} bits`);
  return { code, channels, rate, bits };
}

function readSamples(view: DataView, start: number, end: number, format: Format, maxSeconds: number, where: string): Float32Array {
  const { channels, rate, bits } = format;
  const width = bits / 8;
  const frames = Math.min(Math.floor((end - start) / (width * channels)), Math.ceil(maxSeconds * rate));
  if (frames === 0) throw invalid(where, 'holds no sound');
  const read = readerOf(view, format);
  const samples = new Float32Array(frames);
  for (let i = 0; i < frames; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += read(start + (i * channels + c) * width);
    samples[i] = sum / channels;
  }
  if (!samples.every(Number.isFinite)) throw invalid(where, 'holds values that are no numbers');
  return samples;
}

function readerOf(view: DataView, { code, bits }: Format): (at: number) => number {
  if (code === FLOAT) return bits === 64 ? (at) => view.getFloat64(at, true) : (at) => view.getFloat32(at, true);
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 2 ** 15;
  if (bits === 24) return (at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 2 ** 23;
  return (at) => view.getInt32(at, true) / 2 ** 31;
}

function invalid(where: string, what: string): TersorError {
  return new TersorError('DATA_INVALID', where, what, 'convert it to WAV with PCM of 16 bits, or leave it out');
}
