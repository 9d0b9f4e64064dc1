import { corrupt } from './error.ts';

/** The memory of a WebAssembly module. Areas are reserved one behind the other, and all given back at once. */
export interface Memory {
  /** All of it; to be asked for again after whatever may have made it grow. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Where `length` bytes and 64 more may be used. */
  reserve(length: number): number;
  /** Where a copy of these bytes lies. */
  put(bytes: Uint8Array): number;
  /** Runs a loop; places are offsets. @throws corrupt when it leaves the memory */
  call(loop: string, ...args: number[]): unknown;
  /** Gives all areas back; beyond 64 MiB the memory itself as well. */
  clear(): void;
}

const PAGE = 65536;
const KEEP_BYTES = 64 * 2 ** 20;

/** @param wasm  the module, deflated, as base64 */
export async function openMemory(wasm: string): Promise<Memory> {
  const deflated = new Blob([Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0))]);
  const inflated = new Response(deflated.stream().pipeThrough(new DecompressionStream('deflate-raw')));
  const module = await WebAssembly.compile(await inflated.arrayBuffer());
  let exports = start(module);
  let end = exports.base;
  const reserve = (length: number) => {
    const at = end;
    end += Math.ceil((length + 64) / 16) * 16;
    const missing = end - exports.memory.buffer.byteLength;
    if (missing > 0) exports.memory.grow(Math.ceil(missing / PAGE));
    return at;
  };
  const bytes = () => new Uint8Array(exports.memory.buffer);
  return {
    bytes,
    reserve,
    put(source) {
      const at = reserve(source.length);
      bytes().set(source, at);
      return at;
    },
    call(loop, ...args) {
      try {
        return exports.loops[loop]?.(...args);
      } catch (error) {
        if (error instanceof WebAssembly.RuntimeError) throw corrupt('leads out of its memory');
        throw error;
      }
    },
    clear() {
      if (exports.memory.buffer.byteLength > KEEP_BYTES) exports = start(module);
      end = exports.base;
    },
  };
}

interface Started {
  readonly memory: WebAssembly.Memory;
  readonly base: number;
  readonly loops: Readonly<Record<string, (...args: number[]) => unknown>>;
}

function start(module: WebAssembly.Module): Started {
  const { exports } = new WebAssembly.Instance(module);
  const { memory, heapBase } = exports as { memory: WebAssembly.Memory; heapBase: WebAssembly.Global };
  return { memory, base: Math.ceil(Number(heapBase.value) / 16) * 16, loops: exports as unknown as Started['loops'] };
}
