import { type Coding, type CodingLoops, type FoundMatches, LANES } from './coder/coding.ts';
import type { Instances } from './memory.ts';
import type { LevelLines } from './reference/levels.ts';
import { startsOf } from './reference/rans.ts';
import { wasmCounts } from './wasm-counts.ts';

/** Bytes of a symbol's frequency, start and reciprocal. */
const ENTRY_BYTES = 16;

export function wasmCoding(instances: Instances): CodingLoops {
  return {
    splitPlanes(bytes, width, turned) {
      const count = bytes.length / width;
      const stride = Math.ceil(count / 16) * 16 + 16;
      return instances.use([bytes.length + 16, stride * width], ({ call, bytes: memory }, from, to) => {
        memory.set(bytes, from);
        call('splitPlanes', from, count, width, turned ? 1 : 0, to, stride);
        return Array.from({ length: width }, (_, k) => memory.slice(to + k * stride, to + k * stride + count));
      });
    },
    subtractBase(bytes, base, width, turned, how) {
      const size = bytes.length;
      return instances.use([size, size, size], ({ call, bytes: memory }, from, baseAt, to) => {
        memory.set(bytes, from);
        memory.set(base, baseAt);
        call('subtractBase', from, baseAt, size / width, width, turned ? 1 : 0, how === 'xor' ? 1 : 0, to);
        return memory.slice(to, to + size);
      });
    },
    encodeRans: (symbols, coding) => encodeRans(instances, symbols, coding),
    encodeAdaptive: (symbols, classes) => encodeAdaptive(instances, symbols, classes),
    encodeLevels: (levels, lines, most) => encodeLevels(instances, levels, lines, most),
    findMatches: (bytes, width, most) => findMatches(instances, bytes, width, most),
    ...wasmCounts(instances),
  };
}

function encodeRans(instances: Instances, symbols: Uint8Array, { frequencies, classes }: Coding): Uint8Array {
  const count = symbols.length;
  const most = LANES * 4 + count * 2 + 2;
  const sizes = [count, classes ? count : 0, frequencies.length * 256 * ENTRY_BYTES, LANES * 4, most];
  return instances.use(sizes, ({ call, bytes }, from, fromClasses, tables, states, to) => {
    bytes.set(symbols, from);
    if (classes) bytes.set(classes, fromClasses);
    const view = new DataView(bytes.buffer);
    frequencies.forEach((table, k) => {
      const starts = startsOf(table);
      table.forEach((frequency, symbol) => {
        const at = tables + (k * 256 + symbol) * ENTRY_BYTES;
        view.setUint16(at, frequency, true);
        view.setUint16(at + 2, starts[symbol]!, true);
        view.setFloat64(at + 8, 1 / frequency, true);
      });
    });
    const start = Number(call('encodeRans', from, count, tables, classes ? fromClasses : 0, states, to + most));
    return bytes.slice(start, to + most);
  });
}

function encodeAdaptive(instances: Instances, symbols: Uint8Array, classes: Uint8Array | undefined): Uint8Array | undefined {
  const count = symbols.length;
  const contexts = classes ? 1 + classes.reduce((most, each) => Math.max(most, each), 0) : 1;
  return instances.use([count, classes ? count : 0, contexts * 1024, count + 64], ({ call, bytes }, from, fromClasses, contextsAt, to) => {
    bytes.set(symbols, from);
    if (classes) bytes.set(classes, fromClasses);
    const end = Number(call('encodeAdaptive', from, count, contextsAt, contexts, classes ? fromClasses : 0, to, to + count));
    return end > to + count ? undefined : bytes.slice(to, end);
  });
}

/** Room for the model of levels, but for eight bytes a place of a line; more than it takes. */
const LEVELS_BYTES = 2 ** 21;

function encodeLevels(
  instances: Instances,
  levels: Int8Array | Int16Array,
  { lines, length, lineStride, stride, isTrellis }: LevelLines,
  most: number,
): Uint8Array | undefined {
  const width = levels.BYTES_PER_ELEMENT;
  return instances.use([levels.byteLength, LEVELS_BYTES + length * 8, most], ({ call, bytes }, from, model, to) => {
    bytes.set(new Uint8Array(levels.buffer, levels.byteOffset, levels.byteLength), from);
    const end = Number(call('encodeLevels', from, width, lines, length, lineStride, stride, isTrellis ? 1 : 0, model, to, to + most));
    return end > to + most ? undefined : bytes.slice(to, end);
  });
}

/** Words of the places that a hash was last seen at. */
const PLACES = 2 ** 16;

function findMatches(instances: Instances, elements: Uint8Array, width: number, most: number): FoundMatches {
  const count = elements.length / width;
  const sizes = [elements.length + 16, PLACES * 4, count * 4, count * 12];
  return instances.use(sizes, ({ call, bytes }, from, places, links, to) => {
    bytes.set(elements, from);
    bytes.fill(255, places, places + PLACES * 4);
    const found = Number(call('findMatches', from, count, width, most, places, links, to));
    const triples = new Uint32Array(bytes.buffer, to, found * 3);
    const every = (first: number) => {
      const numbers = new Uint32Array(found);
      for (let i = 0; i < found; i++) numbers[i] = triples[i * 3 + first]!;
      return numbers;
    };
    return { runs: every(0), lengths: every(1), distances: every(2) };
  });
}
