import { decode } from '../../src/core/decode.ts';
import { TersorError } from '../../src/core/error.ts';
import type { Model } from '../../src/core/model.ts';
import { type Random, randomFor } from '../../src/core/random.ts';
import type { Store } from '../../src/core/source.ts';
import { openMemory } from '../../src/io/memory-store.ts';

export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  /** Real files, by name, each as often as its weight says. */
  readonly seeds: readonly Seed[];
  /** Files beside the model: external data, other parts. */
  readonly beside?: Readonly<Record<string, Uint8Array>>;
  readonly onProgress?: (done: number) => void;
}

export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly weight: number;
  /** What the damaged file is called, when it is not the model itself. */
  readonly as?: string;
  /** Files beside this one. */
  readonly beside?: Readonly<Record<string, Uint8Array>>;
}

export interface FuzzResult {
  /** How many inputs ended how: `opened`, or the code of their error. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of processor time, which a busy machine does not stretch. */
  readonly slowestMs: number;
  /** Most memory that one input took beyond its own size, in bytes. */
  readonly mostBytes: number;
}

/** A format, and how its files are damaged. */
export interface Subject {
  /** What damaged files are called. */
  readonly name: string;
  /** Ways to damage one file, by name. */
  damages(file: Uint8Array): Readonly<Record<string, (random: Random) => Uint8Array>>;
  open(store: Store, name: string): Promise<Model>;
  write(model: Model, store: Store): Promise<unknown>;
}

/**
 * Opens, loads and rewrites damaged copies of real files.
 * @throws what a reader threw that is no TersorError about a file, with the input's number, file and mutation
 */
export async function fuzz(subject: Subject, { inputs, seed, seeds, beside = {}, onProgress }: FuzzOptions): Promise<FuzzResult> {
  const damages = new Map(seeds.map((file) => [file, Object.entries(subject.damages(file.bytes))]));
  const wheel = seeds.flatMap((file) => Array.from({ length: file.weight }, () => file));
  const outcomes: Record<string, number> = {};
  let [slowestMs, mostBytes] = [0, 0];
  for (let i = 0; i < inputs; i++) {
    const random = randomFor(seed, String(i));
    const file = wheel[Math.floor(random() * wheel.length)]!;
    const kinds = damages.get(file) ?? [];
    const [kind, damage] = kinds[Math.floor(random() * kinds.length)]!;
    const bytes = damage(random);
    const about = `input ${i} of seed ${seed} (${file.name}, ${kind})`;
    const start = process.cpuUsage();
    const memory = memoryMeter(bytes.length);
    const store = openMemory({ ...beside, ...file.beside, [file.as ?? subject.name]: bytes });
    const outcome = await useAll(subject, store, memory.sample).catch((error: unknown) => codeOf(error, about));
    memory.sample();
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const { user, system } = process.cpuUsage(start);
    slowestMs = Math.max(slowestMs, (user + system) / 1000);
    mostBytes = Math.max(mostBytes, memory.most());
    onProgress?.(i + 1);
  }
  return { outcomes, slowestMs, mostBytes };
}

async function useAll(subject: Subject, store: Store, sample: () => void): Promise<string> {
  const model = await subject.open(store, subject.name);
  sample();
  for (const weight of model.weights.values()) {
    const tensor = await weight.load();
    if (tensor.kind === 'affine') decode(tensor);
  }
  sample();
  const nowhere = { write: async () => {}, close: async () => {} };
  await subject.write(model, { ...store, create: async () => nowhere });
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
