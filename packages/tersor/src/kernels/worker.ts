/** The other end of `start-worker.ts`: does the units it is sent. Runs as a Node worker thread and as a browser's module worker. */
import { TersorError } from '../core/error.ts';
import { encodeChunk } from './coder/encode-chunk.ts';
import { encodeOnBase } from './coder/encode-on-base.ts';
import type { Loops } from './loops.ts';
import type { Answer, Message, Result, Unit } from './unit.ts';
import { wasmLoops } from './wasm.ts';

interface Port {
  onmessage: ((event: { data: Message }) => void) | null;
  postMessage(answer: Answer, transfer: ArrayBufferLike[]): void;
}

const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
const port = (threads?.parentPort ?? globalThis) as Port;

let loops: Loops | undefined;

port.onmessage = ({ data }) => {
  if ('module' in data) {
    loops = wasmLoops(data.module);
    return;
  }
  try {
    const result = run(data);
    const memory = data.values.buffer;
    port.postMessage({ result, memory }, [...buffersOf(result), memory]);
  } catch (error) {
    const code = error instanceof TersorError ? error.code : 'INTERNAL';
    const message = error instanceof TersorError ? error.what : String(error);
    port.postMessage({ code, message }, []);
  }
};

function run(unit: Unit): Result {
  if (!loops) throw new TersorError('INTERNAL', 'kernels', 'work came before the kernels');
  if ('elements' in unit) {
    const { values, elements, profile, base, beside } = unit;
    return base ? encodeOnBase(loops, values, elements, base, profile) : encodeChunk(loops, values, elements, profile, beside);
  }
  if ('compensation' in unit) return loops.compensate(unit.values, unit.grid, unit.compensation);
  if ('others' in unit) return loops.multiplyRows(unit.values, unit.others, unit.columns);
  if ('refinement' in unit) return loops.refine(unit.values, unit.refinement);
  if ('vectorRefinement' in unit) return loops.refineVectors(unit.values, unit.vectorRefinement);
  if ('vectors' in unit) return loops.compensateVectors(unit.values, unit.vectors, unit.by);
  return 'spec' in unit ? loops.quantize(unit.values, unit.spec) : loops.quantizeBlocks(unit.values, unit.type, unit.how);
}

function buffersOf(result: Result): ArrayBufferLike[] {
  if (ArrayBuffer.isView(result)) return [result.buffer];
  if ('indices' in result) return [result.indices.buffer, result.slopes.buffer];
  const { codes, scales } = result;
  return 'zeros' in result && result.zeros ? [codes.buffer, scales.buffer, result.zeros.buffer] : [codes.buffer, scales.buffer];
}
