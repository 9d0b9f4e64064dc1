import { decode } from '../../../core/decode.ts';
import { elementsOf, type Shape } from '../../../core/dtype.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import type { Numeric } from '../../../core/numeric.ts';
import type { AffineTensor } from '../../../core/tensor.ts';
import { fp4 } from '../../../numeric/fp4.ts';
import { int } from '../../../numeric/int.ts';
import { nf4 } from '../../../numeric/nf4.ts';
import { type Fields, isFields } from '../../json-file.ts';
import { bytesOfPart, corrupt, partOf, type Scheme, type StoredLayer, type StoredWeight } from './layer.ts';
import { shown } from './settings.ts';

const GRIDS: Readonly<Record<string, Numeric>> = { nf4, fp4 };

const STATES = Object.keys(GRIDS).map((name) => [name, `weight.quant_state.bitsandbytes__${name}`] as const);

/** Bytes of what the state of a weight says: a page of JSON. */
const MAX_STATE_BYTES = 4096;

/** Axes of a weight. */
const MAX_RANK = 8;

/**
 * bitsandbytes: four bits of a table with a scale for each run of values, which may be stored in 8 bits themselves; or rows of 8-bit integers. A 4-bit weight is
 * flat, and says its shape in a text beside it; the first of two values has the high bits.
 * Source: https://github.com/bitsandbytes-foundation/bitsandbytes/blob/main/bitsandbytes/functional.py, class QuantState
 */
export function bitsandbytes(): Scheme {
  const state = STATES.map(([, end]) => end);
  const nested = ['weight.nested_absmax', 'weight.nested_quant_map'];
  return {
    parts: ['weight', 'weight.absmax', 'weight.quant_map', ...nested, ...state, 'SCB', 'weight_format'],
    marks: [...state, 'SCB'],
    read: async (layer) => (layer.parts.has('SCB') ? readRows(layer) : readTable(layer)),
  };
}

/** Rows of 8-bit integers, by the largest of each. */
function readRows(layer: StoredLayer): StoredWeight {
  const stored = partOf(layer, 'weight', ['i8'], [0, 0]);
  const [outputs = 0, inputs = 0] = stored.shape;
  const largest = partOf(layer, 'SCB', ['f32'], [outputs]);
  const form = layer.parts.has('weight_format') ? partOf(layer, 'weight_format', ['u8'], []) : undefined;
  const layout: AffineLayout = { kind: 'affine', numeric: int(8), outputs: [0], block: 'row', scale: { kind: 'dense', dtype: 'f32' } };
  return {
    shape: [outputs, inputs],
    layout,
    async load() {
      const [code = 0] = form ? await bytesOfPart(form) : [];
      if (code !== 0) throw corrupt(form?.id ?? '', `says form ${code}; only rows, 0, can be in a file`);
      const scales = decode(await largest.load()).map((value) => value * Math.fround(1 / 127));
      return { codes: (await bytesOfPart(stored)).map((byte) => byte ^ 0x80), scales };
    },
  };
}

interface State {
  readonly grid: Numeric;
  readonly shape: Shape;
  readonly block: number;
  /** Of scales that are stored in 8 bits: how many share one, and what is added to all. */
  readonly nested?: { readonly block: number; readonly offset: number };
}

async function readTable(layer: StoredLayer): Promise<StoredWeight> {
  const { grid, shape, block, nested } = await stateOf(layer);
  const count = elementsOf(shape);
  const blocks = Math.ceil(count / block);
  const stored = layer.parts.get('weight');
  if (stored?.layout.kind !== 'dense') throw corrupt(`${layer.name}.weight`, 'is missing');
  const scales = partOf(layer, 'weight.absmax', [nested ? 'u8' : 'f32'], [blocks]);
  const table = partOf(layer, 'weight.quant_map', ['f32'], [16]);
  const outer = nested && {
    ...nested,
    largest: partOf(layer, 'weight.nested_absmax', ['f32'], [Math.ceil(blocks / nested.block)]),
    table: partOf(layer, 'weight.nested_quant_map', ['f32'], [256]),
  };
  const columns = shape.at(-1) ?? 1;
  const layout: AffineLayout = {
    kind: 'affine',
    numeric: grid,
    // runs that go on from one row to the next leave no rows to speak of
    outputs: columns % block === 0 ? shape.slice(0, -1).map((_, axis) => axis) : [],
    block,
    scale: { kind: 'dense', dtype: 'f32' },
  };
  return {
    shape,
    layout,
    async load(): Promise<Pick<AffineTensor, 'codes' | 'scales'>> {
      mustBe(table.id, grid, decode(await table.load()));
      const bytes = await bytesOfPart(stored);
      if (bytes.length !== Math.ceil(count / 2)) throw corrupt(stored.id, `has ${bytes.length} bytes for ${count} values`);
      const codes = new Uint8Array(count);
      for (let i = 0; i < count; i++) codes[i] = i % 2 === 0 ? bytes[i >> 1]! >> 4 : bytes[i >> 1]! & 15;
      if (!outer) return { codes, scales: decode(await scales.load()) };
      const [largest, steps] = [decode(await outer.largest.load()), decode(await outer.table.load())];
      const offset = Math.fround(outer.offset);
      const values = Float32Array.from(
        await bytesOfPart(scales),
        (code, i) => Math.fround(steps[code]! * largest[Math.floor(i / outer.block)]!) + offset,
      );
      return { codes, scales: values };
    },
  };
}

/** @throws FILE_CORRUPT */
async function stateOf(layer: StoredLayer): Promise<State> {
  const [name, end] = STATES.find(([, key]) => layer.parts.has(key)) ?? ['', ''];
  const part = partOf(layer, end, ['u8'], [0]);
  if ((part.shape[0] ?? 0) > MAX_STATE_BYTES) throw corrupt(part.id, `takes ${part.shape[0]} bytes`);
  const said = parse(new TextDecoder().decode(await bytesOfPart(part)), part.id);
  const count = (key: string, most: number): number => {
    const value = said[key];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= most) return value;
    throw corrupt(part.id, `${key} is ${shown(value)}`);
  };
  const { shape, nested_offset: offset } = said;
  const lengths: readonly unknown[] = Array.isArray(shape) ? shape : [];
  const isShape =
    lengths.length > 0 && lengths.length <= MAX_RANK && lengths.every((length) => Number.isSafeInteger(length) && Number(length) > 0);
  if (!isShape) throw corrupt(part.id, `shape is ${shown(shape)}`);
  const numbers = lengths.map(Number);
  // what the file holds bounds what it makes up
  const stored = layer.parts.get('weight');
  const room = stored ? elementsOf(stored.shape) * 16 : 0;
  if (elementsOf(numbers) > room) throw corrupt(part.id, `says a shape of [${numbers}], and there are fewer values`);
  const grid = GRIDS[name];
  if (!grid || (said.quant_type !== undefined && said.quant_type !== name))
    throw corrupt(part.id, `quant_type is ${shown(said.quant_type)}`);
  const isNested = layer.parts.has('weight.nested_absmax');
  if (isNested && (typeof offset !== 'number' || !Number.isFinite(offset))) throw corrupt(part.id, `nested_offset is ${shown(offset)}`);
  return {
    grid,
    shape: numbers,
    block: count('blocksize', 2 ** 24),
    ...(isNested && { nested: { block: count('nested_blocksize', 2 ** 24), offset: Number(offset) } }),
  };
}

function parse(text: string, where: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (isFields(value)) return value;
  } catch {
    // said below
  }
  throw corrupt(where, 'is no JSON of an object');
}

/** @throws FILE_CORRUPT */
function mustBe(id: string, { id: name, values = [] }: Numeric, table: Float32Array): void {
  const wrong = table.findIndex((value, code) => value !== values[code]);
  if (wrong !== -1) throw corrupt(id, `has ${table[wrong]} for code ${wrong}, which is not ${name}'s`);
}
