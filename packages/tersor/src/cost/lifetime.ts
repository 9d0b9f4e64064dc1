import { workOf } from './operators/work-of.ts';
import { bytesIn, type Operator, type Program, type Value } from './value.ts';

/** A stretch of memory, which views and what is computed in place share. */
interface Storage {
  /** The value that it was first made for. */
  readonly name: string;
  readonly bytes: number;
  /** The last operator that needs it, by position. */
  end: number;
}

/** What is alive while each operator of a program runs, its subgraphs left out. */
export interface Lifetimes {
  readonly live: ReadonlyMap<Operator, number>;
  readonly peak: { readonly bytes: number; readonly operator?: Operator; readonly alive: readonly Pick<Storage, 'name' | 'bytes'>[] };
}

/**
 * Follows activations from the operator that makes them to the last that reads them. Inputs and outputs stay, since whoever runs the model
 * holds them; views take no memory, and an elementwise operator writes over an input of the same size that nobody needs any more. What has
 * an unknown size is left out.
 */
export function lifetimes({ inputs, operators, outputs }: Program): Lifetimes {
  const lastUse = new Map<string, number>();
  for (const [i, { node, bodies }] of operators.entries()) {
    for (const name of node.inputs) lastUse.set(name, i);
    for (const { program } of bodies) for (const name of program.captured) lastUse.set(name, i);
  }
  for (const name of outputs) lastUse.set(name, Number.POSITIVE_INFINITY);

  const storages = new Map<string, Storage>();
  const alive = new Set<Storage>();
  let bytes = 0;
  const take = (value: Value, end: number) => {
    const storage = { name: value.name, bytes: bytesIn(value) ?? 0, end };
    storages.set(value.name, storage);
    alive.add(storage);
    bytes += storage.bytes;
  };
  for (const input of inputs) take(input, Number.POSITIVE_INFINITY);

  const live = new Map<Operator, number>();
  let peak: Lifetimes['peak'] = { bytes, alive: [...alive] };
  for (const [i, operator] of operators.entries()) {
    for (const [index, output] of operator.outputs.entries()) {
      if (!output) continue;
      const end = lastUse.get(output.name) ?? i;
      const shared = index === 0 ? sharedWith(operator, storages, i) : undefined;
      if (!shared) {
        take(output, end);
        continue;
      }
      shared.end = Math.max(shared.end, end);
      storages.set(output.name, shared);
    }
    live.set(operator, bytes);
    if (bytes > peak.bytes) peak = { bytes, operator, alive: [...alive].filter((storage) => storage.bytes > 0) };
    for (const storage of alive) {
      if (storage.end > i) continue;
      alive.delete(storage);
      bytes -= storage.bytes;
    }
  }
  return { live, peak: { ...peak, alive: [...peak.alive].sort((a, b) => b.bytes - a.bytes) } };
}

/** The memory of an input that the first output takes over. */
function sharedWith(operator: Operator, storages: ReadonlyMap<string, Storage>, position: number): Storage | undefined {
  const { family } = workOf(operator);
  const [first] = operator.inputs;
  if (family === 'view') return isReshaping(operator) ? storages.get(first?.name ?? '') : undefined;
  if (family !== 'elementwise') return undefined;
  const size = bytesIn(operator.outputs[0]);
  for (const input of operator.inputs) {
    const storage = storages.get(input?.name ?? '');
    if (storage && storage.end === position && bytesIn(input) === size) return storage;
  }
  return undefined;
}

/** Shape and Size make something of their own, if little. */
function isReshaping({ node }: Operator): boolean {
  return node.op !== 'Shape' && node.op !== 'Size';
}
