/**
 * How long the forms take that a compressed weight can be lowered to, against floats, on onnxruntime-node and -web: best of many
 * interleaved rounds on one thread, for a linear layer at 1 to 2048 rows and an embedding at 1 to 2048 indices. `error` is the relative
 * difference to the product with the decoded weights: what the operator's own arithmetic adds to the loss.
 *
 * Usage: tsx bench/lowering.ts [node|wasm ...]. Writes bench/results/lowering.json and prints the tables of docs/lowering.md: geometric
 * means over the sizes of layers. With --print it prints those of the last run; with --form only forms whose name begins so are measured, and
 * kept in a file of their own.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { decode, denseOf } from '../packages/tersor/src/core/decode.ts';
import type { Engine, Feeds, Session } from '../packages/tersor/src/core/engine.ts';
import { findLayers } from '../packages/tersor/src/core/find-layers.ts';
import { makeNode, mapGraphs } from '../packages/tersor/src/core/graph.ts';
import { type Execution, type Model, mapWeights } from '../packages/tersor/src/core/model.ts';
import { parseOptions } from '../packages/tersor/src/core/options.ts';
import { randomFor } from '../packages/tersor/src/core/random.ts';
import { openEngine } from '../packages/tersor/src/engine/engine-node.ts';
import { lower } from '../packages/tersor/src/formats/onnx/lower.ts';
import { writeOnnx } from '../packages/tersor/src/formats/onnx/write.ts';
import { openMemory } from '../packages/tersor/src/io/memory-store.ts';
import { openKernels } from '../packages/tersor/src/kernels/open-kernels.ts';
import dynamicInt8 from '../packages/tersor/src/methods/quantize/dynamic-int8.ts';
import rtn from '../packages/tersor/src/methods/quantize/rtn.ts';
import { handMade, tensorInfo } from '../packages/tersor/test/support/hand-made-model.ts';
import { saveResults } from './results.ts';

interface Form {
  readonly label: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly level?: number;
  /** By dynamic-int8 instead of rtn. */
  readonly dynamic?: true;
}

interface Row {
  readonly runtime: string;
  readonly layer: string;
  readonly form: string;
  readonly bytes: number;
  readonly error: number;
  /** Latency over that of floats, by rows. */
  readonly ratios: Readonly<Record<number, number>>;
}

const SIZES = [
  [384, 384],
  [384, 1536],
  [1536, 384],
  [1024, 1024],
] as const;
const ROWS = [1, 16, 128, 2048];
const ROUNDS: Readonly<Record<number, number>> = { 1: 100, 16: 100, 128: 30, 2048: 4 };
const VOCABULARY = 8000;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { print: { type: 'boolean' }, form: { type: 'string', default: '' } },
});
const file = values.form === '' ? 'lowering' : `lowering-${values.form}`;
const kernels = await openKernels({ threads: 0 });
if (!values.print) saveResults(file, await measureAll(positionals.length > 0 ? positionals : ['node', 'wasm']));
await kernels.close();
printTables(JSON.parse(readFileSync(new URL(`results/${file}.json`, import.meta.url), 'utf8')).rows);

async function measureAll(targets: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const target of targets) {
    if (target !== 'node' && target !== 'wasm') throw new Error(`${target}: it takes node or wasm`);
    const engine = await openEngine({ target });
    for (const [inputs, outputs] of SIZES) {
      const layer = { runtime: target, layer: `linear ${inputs} x ${outputs}` };
      rows.push(...(await measure(engine, linear(inputs, outputs), linearForms())).map((row) => ({ ...layer, ...row })));
    }
    const layer = { runtime: target, layer: `embedding ${VOCABULARY} x 384` };
    rows.push(...(await measure(engine, embedding(), embeddingForms())).map((row) => ({ ...layer, ...row })));
    await engine.close();
  }
  return rows;
}

function linear(inputs: number, outputs: number): Model {
  return handMade({
    nodes: [makeNode('MatMul', ['x', 'w'], ['y'])],
    weights: { w: [inputs, outputs] },
    inputs: [tensorInfo('x', 'f32', ['rows', inputs])],
    outputs: [tensorInfo('y', 'f32')],
    opset: 17,
  });
}

function embedding(): Model {
  return handMade({
    nodes: [makeNode('Gather', ['w', 'x'], ['y'])],
    weights: { w: [VOCABULARY, 384] },
    inputs: [tensorInfo('x', 'i64', ['rows'])],
    outputs: [tensorInfo('y', 'f32')],
    opset: 17,
  });
}

function linearForms(): Form[] {
  const blockwise = [8, 4, 2].flatMap((bits) =>
    [32, 128].flatMap((block) =>
      [0, 1, 4].map((level) => ({
        label: `MatMulNBits ${bits} bits, block ${block}, level ${level}`,
        options: { bits, block, execution: 'weight-only' },
        level,
      })),
    ),
  );
  const asymmetric = {
    label: 'MatMulNBits 4 bits, block 32, zero points, level 1',
    options: { bits: 4, block: 32, symmetric: false, execution: 'weight-only' },
    level: 1,
  };
  return [
    { label: 'expand 8 bits, row', options: { bits: 8, execution: 'expand' } },
    { label: 'expand 4 bits, block 32', options: { bits: 4, block: 32, execution: 'expand' } },
    ...blockwise,
    asymmetric,
    { label: 'integers 8 bits, row', options: { range: 'full' }, dynamic: true },
    { label: 'integers 7 bits, row', options: { range: 'reduced' }, dynamic: true },
  ];
}

function embeddingForms(): Form[] {
  const blockwise = [8, 4, 2].flatMap((bits) =>
    [32, 128].map((block) => ({
      label: `GatherBlockQuantized ${bits} bits, block ${block}`,
      options: { bits, block, execution: 'weight-only' },
    })),
  );
  return [
    { label: 'expand 8 bits, row', options: { bits: 8, execution: 'expand' } },
    { label: 'Gather + Cast + Mul 8 bits, row', options: { bits: 8, execution: 'weight-only' } },
    ...blockwise,
  ];
}

async function measure(engine: Engine, model: Model, forms: readonly Form[]): Promise<Omit<Row, 'runtime' | 'layer'>[]> {
  const floats = await engine.open({ bytes: await fileOf(model) });
  const results: (Omit<Row, 'runtime' | 'layer' | 'ratios'> & { readonly session: Session; readonly ratios: Record<number, number> })[] =
    [];
  for (const form of forms.filter(({ label }) => label.startsWith(values.form))) {
    const changed = await quantize(model, form);
    const bytes = await fileOf(changed, form.level);
    const session = await engine.open({ bytes });
    const exact = await engine.open({ bytes: await fileOf(decoded(changed)) });
    const error = distance(await outputOf(session, feedsOf(model, 16)), await outputOf(exact, feedsOf(model, 16)));
    await exact.close();
    results.push({ form: form.label, bytes: bytes.length, error, ratios: {}, session });
  }
  for (const count of ROWS) {
    for (const { session, ratios } of results) {
      // In pairs: among many sessions in turns, those at the ends would find their weights in the cache more often.
      const [before = [], after = []] = await engine.race([floats, session], feedsOf(model, count), {
        rounds: ROUNDS[count] ?? 20,
        warmup: 2,
      });
      ratios[count] = Math.min(...after) / Math.min(...before);
    }
  }
  for (const session of [floats, ...results.map((result) => result.session)]) await session.close();
  return results.map(({ session: _, ...row }) => row);
}

function feedsOf({ graph }: Model, count: number): Feeds {
  const random = randomFor(2, `${count}`);
  const [, columns] = graph?.inputs[0]?.shape ?? [];
  if (columns === undefined) {
    return {
      x: { dtype: 'i64', shape: [count], data: BigInt64Array.from({ length: count }, () => BigInt(Math.floor(random() * VOCABULARY))) },
    };
  }
  const shape = [count, Number(columns)];
  return {
    x: { dtype: 'f32', shape, data: Float32Array.from({ length: count * Number(columns) }, () => random() + random() + random() - 1.5) },
  };
}

async function outputOf(session: Session, feeds: Feeds): Promise<Float32Array> {
  const data = (await session.run(feeds)).y?.data;
  if (!(data instanceof Float32Array)) throw new Error('the output is no f32 tensor');
  return data;
}

async function quantize(model: Model, { options: raw, dynamic }: Form): Promise<Model> {
  const context = {
    scope: await findLayers(model),
    kernels,
    note: () => {},
    random: () => Math.random,
    observed: async () => undefined,
    recall: <T>(_: string, make: () => Promise<T>) => make(),
  };
  if (dynamic) return dynamicInt8.apply(model, parseOptions('dynamic-int8', dynamicInt8.options, raw), context);
  return rtn.apply(model, parseOptions('rtn', rtn.options, raw), context);
}

function decoded(model: Model): Model {
  const plain = mapWeights(model, (weight) => ({
    ...weight,
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => denseOf(decode(await weight.load()), weight.shape),
  }));
  return { ...plain, execution: new Map<string, Execution>() };
}

/** @param level  the accuracy level of MatMulNBits, instead of the one that lowering would choose */
async function fileOf(model: Model, level?: number): Promise<Uint8Array> {
  const lowered = (await lower(model, 'node', kernels)).model;
  const graph = mapGraphs(lowered.graph!, (inner) => ({
    ...inner,
    nodes: inner.nodes.map((node) =>
      level !== undefined && node.op === 'MatMulNBits'
        ? { ...node, attributes: new Map([...node.attributes, ['accuracy_level', { kind: 'int' as const, value: BigInt(level) }]]) }
        : node,
    ),
  }));
  const store = openMemory();
  await writeOnnx({ ...lowered, graph }, store, 'm.onnx');
  await store.commit();
  const source = await store.open('m.onnx');
  return source.read(0, source.size);
}

function distance(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0];
  a.forEach((value, i) => {
    difference += (value - b[i]!) ** 2;
    size += b[i]! ** 2;
  });
  return Math.sqrt(difference / size);
}

function printTables(rows: readonly Row[]): void {
  const kindOf = ({ runtime, layer }: Row) => `${layer.split(' ')[0]}, ${runtime}`;
  for (const kind of new Set(rows.map(kindOf))) {
    console.log(`\n| ${kind} | error | ${ROWS.join(' | ')} |\n|---|---|${ROWS.map(() => '---').join('|')}|`);
    const ofKind = rows.filter((row) => kindOf(row) === kind);
    for (const form of new Set(ofKind.map((row) => row.form))) {
      const same = ofKind.filter((row) => row.form === form);
      const error = Math.max(...same.map((row) => row.error));
      const ratios = ROWS.map((count) => geometricMean(same.map((row) => row.ratios[count]!)).toFixed(2));
      console.log(`| ${form} | ${error < 1e-5 ? '-' : error.toExponential(1)} | ${ratios.join(' | ')} |`);
    }
  }
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
