import { type ByteWriter, byteWriter } from '../../core/byte-writer.ts';
import type { CodingProfile, Elements } from '../../core/kernels.ts';
import type { Coder, CodingLoops } from './coding.ts';
import { encodeLevels } from './encode-levels.ts';
import { encodeMatches, repeats } from './encode-matches.ts';
import { encodePlane } from './encode-plane.ts';

/** What a chunk's form is called in the file. */
const FORMS = { planes: 0, palette: 1, sparse: 2, matches: 3, bytes: 4, levels: 5 };
/** How many earlier places are looked at for a match. Text has many that begin alike; of weights the last ones are as good as any. */
const PLACES = { plain: 32, elements: 6 };
/** A smaller share of zeros is cheaper among the other values. */
const SPARSE = 0.2;

/**
 * A chunk's bytes in the form that takes the fewest. The other way round: the loader's `decodeChunk`.
 * @param beside  bytes that the reader knows, one in the place of each element
 */
export function encodeChunk(
  loops: CodingLoops,
  bytes: Uint8Array,
  elements: Elements,
  profile: CodingProfile = 'default',
  beside?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const coder = { ...loops, profile };
  const planesForm = planes(coder, bytes, elements, beside);
  const forms = [planesForm];
  const palette = elements.width > 1 ? paletteOf(bytes, elements) : undefined;
  if (palette) forms.push(encodePalette(coder, palette, elements, beside));
  else {
    if (elements.width > 1 && zerosIn(bytes, elements) >= SPARSE * elements.count) forms.push(sparse(coder, bytes, elements));
    if (!beside && repeats(bytes, elements)) {
      const isPlain = elements.width === 1 && elements.columns === 0;
      const form = matched(coder, bytes, elements, isPlain ? PLACES.plain : PLACES.elements);
      forms.push(form);
      // where elements repeat, their parts may repeat even more
      if (elements.width > 1 && form.length < planesForm.length) forms.push(byBytes(coder, bytes));
    }
  }
  const smallest = forms.reduce((a, b) => (b.length < a.length ? b : a));
  if (beside || (elements.width === 1 && profile !== 'max')) return smallest;
  return encodeLevels(coder, bytes, elements, FORMS.levels, smallest.length) ?? smallest;
}

/** Plain bytes as matches, of what came before or of a history that the reader knows. */
export function encodeHistory(
  loops: CodingLoops,
  bytes: Uint8Array,
  elements: Elements,
  history: Uint8Array,
  profile: CodingProfile,
): Uint8Array<ArrayBuffer> {
  return matched({ ...loops, profile }, bytes, elements, PLACES.plain, history);
}

function written(write: (writer: ByteWriter) => void): Uint8Array<ArrayBuffer> {
  const writer = byteWriter();
  write(writer);
  return writer.finish();
}

function planes(coder: Coder, bytes: Uint8Array, { width, turned, columns }: Elements, beside?: Uint8Array): Uint8Array<ArrayBuffer> {
  const split = width === 1 ? [bytes] : coder.splitPlanes(bytes, width, turned);
  return written((writer) => {
    writer.byte(FORMS.planes);
    for (let k = width - 1; k >= 0; k--) {
      const above = split[k + 1];
      encodePlane(writer, coder, split[k]!, {
        columns: above ? 0 : columns,
        ...(above ? { above, ...(beside && { beside }) } : beside && { above: beside }),
      });
    }
  });
}

interface Palette {
  readonly colors: Uint8Array;
  readonly indices: Uint8Array;
}

/** Undefined when there are more than 256 different elements. The most frequent values of the order in which they appear. */
function paletteOf(bytes: Uint8Array, { count, width }: Elements): Palette | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = new Map<number | bigint, number>();
  const indices = new Uint8Array(count);
  const colors: number[] = [];
  for (let i = 0; i < count; i++) {
    const key = width === 2 ? view.getUint16(i * 2) : width === 4 ? view.getUint32(i * 4) : view.getBigUint64(i * 8);
    let place = places.get(key);
    if (place === undefined) {
      if (places.size === 256) return undefined;
      place = places.size;
      places.set(key, place);
      for (let k = 0; k < width; k++) colors.push(bytes[i * width + k]!);
    }
    indices[i] = place;
  }
  return { colors: Uint8Array.from(colors), indices };
}

function encodePalette(
  coder: Coder,
  { colors, indices }: Palette,
  { width, columns }: Elements,
  beside?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return written((writer) => {
    writer.byte(FORMS.palette);
    writer.byte(colors.length / width - 1);
    writer.bytes(colors);
    encodePlane(writer, coder, indices, { columns, ...(beside && { above: beside }) });
  });
}

function isZero(bytes: Uint8Array, at: number, width: number): boolean {
  for (let k = 0; k < width; k++) if (bytes[at + k] !== 0) return false;
  return true;
}

function zerosIn(bytes: Uint8Array, { count, width }: Elements): number {
  let zeros = 0;
  for (let i = 0; i < count; i++) if (isZero(bytes, i * width, width)) zeros++;
  return zeros;
}

function sparse(coder: Coder, bytes: Uint8Array, elements: Elements): Uint8Array<ArrayBuffer> {
  const { count, width, turned } = elements;
  const mask = new Uint8Array(Math.ceil(count / 8));
  const present = count - zerosIn(bytes, elements);
  const values = new Uint8Array(present * width);
  for (let i = 0, to = 0; i < count; i++) {
    if (isZero(bytes, i * width, width)) continue;
    mask[i >> 3]! |= 1 << (i & 7);
    values.set(bytes.subarray(i * width, (i + 1) * width), to);
    to += width;
  }
  return written((writer) => {
    writer.byte(FORMS.sparse);
    writer.number(present);
    encodePlane(writer, coder, mask, { columns: 0 });
    writer.bytes(planes(coder, values, { count: present, width, turned, columns: 0 }));
  });
}

function matched(coder: Coder, bytes: Uint8Array, elements: Elements, most: number, history?: Uint8Array): Uint8Array<ArrayBuffer> {
  const { width, turned } = elements;
  const { runs, lengths, distances, extra, literals } = encodeMatches(coder, bytes, elements, most, history);
  return written((writer) => {
    writer.byte(FORMS.matches);
    writer.number(runs.length);
    writer.number(literals.length / width);
    writer.bytes(planes(coder, literals, { count: literals.length / width, width, turned, columns: 0 }));
    for (const codes of [runs, lengths, distances]) encodePlane(writer, coder, codes, { columns: 0 });
    writer.number(extra.length);
    writer.bytes(extra);
  });
}

/** Matches of bytes, for elements of which a part repeats: those that differ in their sign alone. */
function byBytes(coder: Coder, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return written((writer) => {
    writer.byte(FORMS.bytes);
    writer.bytes(matched(coder, bytes, { count: bytes.length, width: 1, turned: false, columns: 0 }, PLACES.elements));
  });
}
