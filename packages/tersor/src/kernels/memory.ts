import { TersorError } from '../core/error.ts';

const PAGE = 65536;
/** An instance that has grown beyond this is dropped after the call, for a WASM memory cannot shrink. */
const KEEP_BYTES = 32 * 2 ** 20;

/** A running instance of the kernels during one call. */
export interface Instance {
  /** Runs a kernel; pointers are offsets into `bytes`. */
  call(kernel: string, ...args: number[]): unknown;
  /** The whole memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** As many as any kernel needs. */
type Areas = [number, number, number, number, number, number, number, number, number, number, number];

export interface Instances {
  /** Runs `work` with room for areas of the given sizes; the areas' offsets are passed behind the instance, aligned to 16 bytes. */
  use<T>(sizes: readonly number[], work: (instance: Instance, ...areas: Areas) => T): T;
}

/** Hands out instances of one module; at most one is alive, and none keeps more than 32 MiB between calls. */
export function instancesOf(module: WebAssembly.Module): Instances {
  let alive: Started | undefined;
  return {
    use(sizes, work) {
      alive ??= start(module);
      const started = alive;
      const areas: Areas = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
      let end = aligned(started.heapBase);
      sizes.forEach((size, i) => {
        areas[i] = end;
        end += aligned(size);
      });
      grow(started.memory, end);
      const { buffer } = started.memory;
      const result = work({ call: started.call, bytes: new Uint8Array(buffer) }, ...areas);
      if (buffer.byteLength > KEEP_BYTES) alive = undefined;
      return result;
    },
  };
}

interface Started {
  readonly memory: WebAssembly.Memory;
  readonly heapBase: number;
  readonly call: Instance['call'];
}

function start(module: WebAssembly.Module): Started {
  const { exports } = new WebAssembly.Instance(module);
  const { memory, heapBase } = exports;
  if (!(memory instanceof WebAssembly.Memory && heapBase instanceof WebAssembly.Global)) throw incomplete('memory');
  const call: Instance['call'] = (name, ...args) => {
    const kernel = exports[name];
    if (typeof kernel !== 'function') throw incomplete(name);
    return kernel(...args);
  };
  return { memory, heapBase: Number(heapBase.value), call };
}

function grow(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing <= 0) return;
  try {
    memory.grow(Math.ceil(missing / PAGE));
  } catch (cause) {
    const hint = 'give long rows several scales (a smaller block), or free memory';
    throw new TersorError('SHAPE', 'kernels', `one row needs ${bytes} bytes of WebAssembly memory, which cannot be had`, hint, { cause });
  }
}

export type Numbers = Float32Array | Uint16Array | Uint8Array;

export function bytesOf(array: Numbers): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function incomplete(name: string): TersorError {
  return new TersorError('INTERNAL', 'kernels', `the WebAssembly module has no ${name}`);
}
