import type { Cost, OperatorCost } from '../core/cost.ts';
import type { DeviceProfile } from '../core/device.ts';
import { TersorError } from '../core/error.ts';
import { bytesOf } from '../core/layout.ts';
import type { Model } from '../core/model.ts';
import type { Dims } from '../core/shape-arithmetic.ts';
import { fusedIn } from './fusion.ts';
import { cacheOf } from './kv-cache.ts';
import { lifetimes } from './lifetime.ts';
import { workOf } from './operators/work-of.ts';
import { programOf } from './program.ts';
import { latencyOf, timeOf } from './roofline.ts';
import { bytesIn, elements, type Operator, type Program, type Value } from './value.ts';

export interface CostOptions {
  /** Of all inputs, and of values in between where a run has shown them. */
  readonly shapes: ReadonlyMap<string, Dims>;
  /** Absent: nothing is said of time and energy. */
  readonly device?: DeviceProfile;
}

type Counted = Omit<OperatorCost, 'time'>;

/** What a model costs to run, from shapes alone; `inputs` and `parameters` are for the caller to say. Reads small constants only. */
export async function costOf(model: Model, { shapes, device }: CostOptions): Promise<Omit<Cost, 'inputs' | 'parameters'>> {
  const notes = new Set<string>();
  const program = await programOf(model, shapes, (note) => notes.add(note));
  const { counted, peak } = countIn(program, (note) => notes.add(note));
  const weightBytes = total([...heldBy(program).values()].map((value) => bytesIn(value) ?? 0));
  const operators = counted.map((cost): OperatorCost => {
    const time = device && timeOf(cost, device, weightBytes);
    return { ...cost, ...(time && { time }) };
  });
  const values = new Map(
    [...program.inputs, ...program.operators.flatMap(({ outputs }) => outputs)].map((value) => [value?.name ?? '', value]),
  );
  const cache = model.graph && cacheOf(model.graph, new Map([...values].flatMap(([name, value]) => (value ? [[name, value]] : []))));
  for (const note of unknownsOf(counted)) notes.add(note);
  return {
    macs: total(operators.map(({ macs }) => macs)),
    operations: total(operators.map(({ operations }) => operations)),
    memory: {
      storedBytes: total([...model.weights.values()].map(bytesOf)),
      weightBytes,
      peakBytes: peak.bytes,
      ...(peak.at !== undefined && { peakAt: peak.at }),
      alive: peak.alive,
      activationBytes: total(operators.map(({ writtenBytes }) => writtenBytes)),
    },
    ...(cache && { cache }),
    ...(device && { latency: latencyOf(operators, device, weightBytes) }),
    operators,
    notes: [...notes],
  };
}

interface Peak {
  readonly bytes: number;
  readonly at?: string;
  readonly alive: readonly { readonly name: string; readonly bytes: number }[];
}

interface CountedProgram {
  readonly counted: readonly Counted[];
  readonly peak: Peak;
}

/** A program's operators with those of its subgraphs in their places. @param around  bytes that are alive outside; `runs` how often it runs */
function countIn(program: Program, note: (note: string) => void, around = 0, runs = 1): CountedProgram {
  const fused = fusedIn(program);
  const { live, peak } = lifetimes(program);
  const counted: Counted[] = [];
  let highest: Peak = { bytes: around + peak.bytes, ...(peak.operator && { at: labelOf(peak.operator) }), alive: peak.alive };
  for (const operator of program.operators) {
    const liveBytes = around + (live.get(operator) ?? 0);
    counted.push(costOfOperator(operator, fused.has(operator), liveBytes, runs));
    const inner = operator.bodies.filter((body) => body.runs > 0).map((body) => countIn(body.program, note, liveBytes, runs * body.runs));
    const worst = inner.reduce<CountedProgram | undefined>((a, b) => (a && weight(a) >= weight(b) ? a : b), undefined);
    if (!worst) continue;
    if (inner.length > 1) note(`${labelOf(operator)}: of ${inner.length} branches the dearest is counted`);
    counted.push(...worst.counted);
    if (worst.peak.bytes > highest.bytes) highest = { ...worst.peak, alive: [...worst.peak.alive, ...aliveAround(operator, program)] };
  }
  return { counted, peak: highest };
}

/** What decides which branch is the dearest. */
function weight({ counted }: CountedProgram): number {
  return counted.reduce((sum, { macs, operations, readBytes, writtenBytes }) => sum + macs + operations + readBytes + writtenBytes, 0);
}

/** What a subgraph's peak comes on top of, as one entry. */
function aliveAround(operator: Operator, program: Program): Peak['alive'] {
  const bytes = lifetimes(program).live.get(operator) ?? 0;
  return bytes > 0 ? [{ name: `around ${labelOf(operator)}`, bytes }] : [];
}

function costOfOperator(operator: Operator, fused: boolean, liveBytes: number, runs: number): Counted {
  const { node, inputs, outputs } = operator;
  const { family, arithmetic, macs, operations } = workOf(operator);
  const [y] = outputs;
  const isSilent = family === 'view' || family === 'control';
  const written = isSilent ? 0 : total(outputs.map((output) => bytesIn(output) ?? 0));
  const isLookUp = family === 'embedding';
  const read = inputs.map((input, i) => (input && !input.constant && !isSilent ? readBytes(operator, input, i, written) : 0));
  const weights = inputs.map((input, i) =>
    input?.constant && !isSilent ? (isLookUp && i !== 1 ? tableBytes(operator, input) : (bytesIn(input) ?? 0)) : 0,
  );
  return {
    name: labelOf(operator),
    op: node.domain === '' || node.domain === 'ai.onnx' ? node.op : `${node.domain}.${node.op}`,
    family: macs === undefined || operations === undefined ? 'unknown' : family,
    arithmetic,
    ...(y?.shape && { shape: y.shape }),
    macs: exactly((macs ?? 0) * runs, operator),
    operations: exactly((operations ?? 0) * runs, operator),
    weightBytes: exactly(total(weights) * runs, operator),
    readBytes: fused ? 0 : exactly(total(read) * runs, operator),
    writtenBytes: fused ? 0 : exactly(written * runs, operator),
    liveBytes,
    runs,
    fused,
  };
}

/** Operators that pick read what they write, not all that they could. */
function readBytes({ node }: Operator, input: Value, index: number, written: number): number {
  const all = bytesIn(input) ?? 0;
  const picks = index === 0 && /^(Gather|GatherElements|GatherND|Slice|Split)$/.test(node.op);
  return picks ? Math.min(all, written) : all;
}

/** The rows of a table that are looked up. */
function tableBytes({ inputs: [table, indices] }: Operator, input: Value): number {
  const all = bytesIn(input) ?? 0;
  const rows = table?.shape?.[0];
  const wanted = elements(indices);
  return rows && wanted !== undefined ? Math.min(all, Math.ceil((all / rows) * wanted)) : all;
}

/** Constants that operators read when they run, each once, however many read it. */
function heldBy({ operators }: Program): Map<string, Value> {
  const held = new Map<string, Value>();
  for (const { inputs, bodies } of operators) {
    for (const input of inputs) if (input?.constant) held.set(input.name, input);
    for (const { program } of bodies) for (const [name, value] of heldBy(program)) held.set(name, value);
  }
  return held;
}

function unknownsOf(counted: readonly Counted[]): string[] {
  const unknown = new Map<string, number>();
  for (const { family, op } of counted) if (family === 'unknown') unknown.set(op, (unknown.get(op) ?? 0) + 1);
  return [...unknown].map(
    ([op, times]) => `${op}${times > 1 ? ` (${times} times)` : ''}: not counted, since its shapes or what it does are not known`,
  );
}

function labelOf({ node, path }: Operator): string {
  return `${path}${node.name || (node.outputs[0] ?? node.op)}`;
}

/** @throws FILE_LIMIT beyond 2^53, where no number would be true any more */
function exactly(value: number, operator: Operator): number {
  if (Number.isSafeInteger(value)) return value;
  throw new TersorError('FILE_LIMIT', labelOf(operator), 'is too large to be counted: beyond 2^53', 'give smaller inputs with --shape');
}

function total(values: readonly number[]): number {
  const sum = values.reduce((before, value) => before + value, 0);
  if (Number.isSafeInteger(sum)) return sum;
  throw new TersorError('FILE_LIMIT', 'the model', 'its cost is too large to be counted: beyond 2^53', 'give smaller inputs with --shape');
}
