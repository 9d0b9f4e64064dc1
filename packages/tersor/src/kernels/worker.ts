/** The other end of `start-worker.ts`: quantizes the units it is sent. Runs as a Node worker thread and as a browser's module worker. */
import { TersorError } from '../core/error.ts';
import type { QuantizedBlocks } from '../core/kernels.ts';
import type { Loops } from './loops.ts';
import type { Answer, Unit } from './unit.ts';
import { compileKernels, wasmLoops } from './wasm.ts';

interface Port {
  onmessage: ((event: { data: Unit }) => void) | null;
  postMessage(answer: Answer, transfer: ArrayBufferLike[]): void;
}

const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
const port = (threads?.parentPort ?? globalThis) as Port;

let opening: Promise<Loops> | undefined;

port.onmessage = async ({ data }) => {
  try {
    opening ??= compileKernels().then(wasmLoops);
    const blocks = (await opening).quantize(data.values, data.spec);
    const memory = data.values.buffer;
    port.postMessage({ blocks, memory }, [...buffersOf(blocks), memory]);
  } catch (error) {
    const code = error instanceof TersorError ? error.code : 'INTERNAL';
    port.postMessage({ code, message: error instanceof Error ? error.message : String(error) }, []);
  }
};

function buffersOf({ codes, scales, zeros }: QuantizedBlocks): ArrayBufferLike[] {
  return zeros ? [codes.buffer, scales.buffer, zeros.buffer] : [codes.buffer, scales.buffer];
}
