import { TersorError } from '../../src/core/error.ts';
import { randomFor } from '../../src/core/random.ts';
import type { Store } from '../../src/core/source.ts';
import { openOnnx } from '../../src/formats/onnx/open.ts';
import { writeOnnx } from '../../src/formats/onnx/write.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { MUTATIONS, type Span, spansOf } from './mutate.ts';

export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  /** Real files, by name, each as often as its weight says. */
  readonly seeds: readonly Seed[];
  /** Files beside the model, for external data. */
  readonly beside: Readonly<Record<string, Uint8Array>>;
  readonly onProgress?: (done: number) => void;
}

export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly weight: number;
}

export interface FuzzResult {
  /** How many inputs ended how: `opened`, or the code of their error. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of processor time, which a busy machine does not stretch. */
  readonly slowestMs: number;
  /** Most memory that one input took beyond its own size, in bytes. */
  readonly mostBytes: number;
}

/**
 * Opens, loads and rewrites damaged copies of real files.
 * @throws what a reader threw that is no TersorError about a file, with the input's number, file and mutation
 */
export async function fuzzOnnx({ inputs, seed, seeds, beside, onProgress }: FuzzOptions): Promise<FuzzResult> {
  const spans = new Map<Seed, readonly Span[]>(seeds.map((file) => [file, spansOf(file.bytes)]));
  const wheel = seeds.flatMap((file) => Array.from({ length: file.weight }, () => file));
  const kinds = Object.entries(MUTATIONS);
  const outcomes: Record<string, number> = {};
  let [slowestMs, mostBytes] = [0, 0];
  for (let i = 0; i < inputs; i++) {
    const random = randomFor(seed, String(i));
    const file = wheel[Math.floor(random() * wheel.length)]!;
    const [kind, mutate] = kinds[Math.floor(random() * kinds.length)]!;
    const bytes = mutate(file.bytes, spans.get(file) ?? [], random);
    const about = `input ${i} of seed ${seed} (${file.name}, ${kind})`;
    const start = process.cpuUsage();
    const memory = memoryMeter(bytes.length);
    const outcome = await useAll(openMemory({ ...beside, 'm.onnx': bytes }), memory.sample).catch((error: unknown) => codeOf(error, about));
    memory.sample();
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const { user, system } = process.cpuUsage(start);
    slowestMs = Math.max(slowestMs, (user + system) / 1000);
    mostBytes = Math.max(mostBytes, memory.most());
    onProgress?.(i + 1);
  }
  return { outcomes, slowestMs, mostBytes };
}

async function useAll(store: Store, sample: () => void): Promise<string> {
  const model = await openOnnx(store, 'm.onnx');
  sample();
  for (const weight of model.weights.values()) await weight.load();
  sample();
  const nowhere = { write: async () => {}, close: async () => {} };
  await writeOnnx(model, { ...store, create: async () => nowhere }, 'out.onnx');
  return 'opened';
}

function codeOf(error: unknown, about: string): string {
  if (error instanceof TersorError && error.code.startsWith('FILE_')) return error.code;
  throw new Error(`${about}: ${error instanceof Error ? error.stack : String(error)}`);
}

/** Memory in use above what was in use at the start and the file itself; garbage counts until it is collected. */
function memoryMeter(own: number) {
  const used = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  let most = 0;
  return {
    sample: () => {
      most = Math.max(most, used() - before - own);
    },
    most: () => most,
  };
}
