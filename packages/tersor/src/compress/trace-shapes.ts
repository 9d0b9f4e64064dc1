import { TersorError } from '../core/error.ts';
import type { Format, Target } from '../core/format.ts';
import { type Graph, makeNode } from '../core/graph.ts';
import { inferTypes } from '../core/infer-types.ts';
import type { Model } from '../core/model.ts';
import { takenNames } from '../core/taken-names.ts';
import type { Bound } from '../cost/bind-shapes.ts';
import { settleOne } from '../data/settle.ts';
import { openEngine } from '../engine/engine-node.ts';
import { openMemory } from '../io/memory-store.ts';
import { openKernels } from '../kernels/open-kernels.ts';

const NAME = 'traced.onnx';

/**
 * The shape of every value of the main graph in one run on made-up inputs: operators that tell shapes are added, so that no activation has
 * to leave the runtime.
 *
 * @throws ENGINE_MISSING, ENGINE_CRASHED, MODEL_INVALID, DATA_INVALID when the model refuses every guess, INTERRUPTED
 */
export async function traceShapes(
  model: Model,
  format: Format,
  bound: readonly Bound[],
  target: Target,
  signal: AbortSignal | undefined,
): Promise<Map<string, readonly number[]>> {
  if (!model.graph) return new Map();
  const fixed = withSizes(model.graph, bound);
  const { graph, names } = withShapes(fixed, model);
  const bytes = await encode({ ...model, graph }, format, target);
  const engine = await openEngine({ target, ...(signal && { signal }) });
  try {
    const session = await engine.open({ bytes }, { optimize: 'none' });
    const plain = { ...session, outputs: model.graph.outputs }; // state is found by the names of the model's own outputs
    const sample = await settleOne({ ...plain, run: (feeds) => session.run(feeds, [...names.keys()]) }, { seed: 0, model });
    const feeds = sample.steps[0] ?? {};
    const shapes = new Map(Object.entries(feeds).map(([name, { shape }]): [string, readonly number[]] => [name, shape]));
    for (const [output, { data }] of Object.entries(await session.run(feeds, [...names.keys()]))) {
      shapes.set(names.get(output) ?? output, Array.from(data, Number));
    }
    return shapes;
  } finally {
    await engine.close();
  }
}

function withSizes(graph: Graph, bound: readonly Bound[]): Graph {
  const shapes = new Map(bound.flatMap(({ name, shape }) => (shape ? [[name, shape] as const] : [])));
  const inputs = graph.inputs.map((info) => {
    const shape = shapes.get(info.name);
    return shape ? { ...info, shape } : info;
  });
  return { ...graph, inputs };
}

/** The graph with the shapes of its values as its outputs. @returns the value behind each of them, too */
function withShapes(graph: Graph, { weights }: Model): { readonly graph: Graph; readonly names: ReadonlyMap<string, string> } {
  const types = inferTypes(graph, weights).get(graph);
  const taken = takenNames(graph);
  const names = new Map<string, string>();
  for (const value of graph.nodes.flatMap(({ outputs }) => outputs)) {
    if (value === '' || types?.typeOf(value) === undefined) continue; // a sequence has no shape
    let name = `${value}/shape`;
    while (taken.has(name)) name += '_';
    names.set(name, value);
  }
  const nodes = [...graph.nodes, ...[...names].map(([name, value]) => makeNode('Shape', [value], [name]))];
  return { graph: { ...graph, nodes, outputs: [...names.keys()].map((name) => ({ name, dtype: 'i64' as const })) }, names };
}

async function encode(model: Model, format: Format, target: Target): Promise<Uint8Array> {
  const kernels = await openKernels({ threads: 0 });
  try {
    const store = openMemory();
    await format.write(model, store, NAME, { target, kernels });
    await store.commit();
    if (store.files.size > 1)
      throw new TersorError('FILE_UNSUPPORTED', 'the model', 'is too large to be traced: 2 GB and more', 'leave out --trace');
    return store.files.get(NAME) ?? new Uint8Array();
  } finally {
    await kernels.close();
  }
}
