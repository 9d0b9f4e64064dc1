import { decode } from '../../core/decode.ts';
import { findLayers } from '../../core/find-layers.ts';
import type { WeightId } from '../../core/graph.ts';
import { withUniqueNames } from '../../core/graph-edit/names.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { findMigrations, type Migration, readersOf, writersOf } from '../../core/migration/find-migrations.ts';
import { migrate, positionAlong, scaleAlong } from '../../core/migration/migrate.ts';
import type { Part } from '../../core/migration/port.ts';
import { type Model, type Weight, withGraph } from '../../core/model.ts';
import { integer, type Values } from '../../core/options.ts';
import { migrationOptions } from '../migrate-channels.ts';

const { clip } = migrationOptions;
const options = {
  rounds: integer(1, 100, {
    default: 20,
    doc: 'Times that all pairs of layers are gone through, at most: balancing one changes the next.',
  }),
  clip,
};

type Asked = Values<typeof options>;

export default defineMethod({
  id: 'equalize',
  family: 'migrate',
  summary: 'Balances the channels between layers that follow each other, so that weights that share a scale are alike. Needs no data.',
  notes: [
    'A step before weights are rounded. Of each channel between two layers the range of the weights that compute it, and of those that read it, are made the same; the model computes the same.',
    'BatchNormalization is folded first. Channels that several layers read, residual streams included, are balanced over all of them.',
    '',
    'It helps where whole weights share a scale, and static 8 bits of activations. Where every row has a scale of its own, half of it does nothing, and the other half may help or harm: what outputs',
    'lost at 8 bits a row was .67 of what they lose without it on MobileNetV2, 1.1 on silero and 2.3 on EfficientNet-Lite0; at 4 bits 1.2, .87 and .90. Prove it. Relu6 stands in the way unless',
    '`clip` is set.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1906.04721',
  options,
  changes: 'graph',
  folds: true,
  loss: 'none',
  formats: ['onnx'],
  apply: equalize,
});

async function equalize(model: Model, asked: Asked, context: Context): Promise<Model> {
  const { note, scope } = context;
  if (!model.graph) return model;
  const unique = withGraph(model, withUniqueNames(model.graph));
  const wanted = new Set(scope.map(({ weight }) => weight.id));
  const layers = (await findLayers(unique)).filter(({ weight }) => wanted.has(weight.id));
  const { migrations, refused } = await findMigrations(unique, layers, asked);
  for (const [id, reason] of refused) note(id, `is not balanced: ${reason}`);
  const pairs = migrations.filter((migration) => {
    const balances = writersOf(migration).length > 0;
    if (!balances) for (const { layer } of readersOf(migration)) note(layer.weight.id, 'is not balanced: no layer computes what it reads');
    return balances;
  });
  const chains = chainsOf(pairs).map((chain) => {
    let balanced: Promise<ReadonlyMap<Migration, Float64Array>> | undefined;
    return {
      chain,
      factorsOf: async (migration: Migration) => {
        balanced ??= balance(chain, unique, asked, context);
        return (await balanced).get(migration) ?? new Float64Array(migration.channels).fill(1);
      },
    };
  });
  return migrate(
    unique,
    chains.flatMap(({ chain, factorsOf }) => chain.map((migration) => ({ migration, factors: () => factorsOf(migration) }))),
  );
}

/** Pairs that have a weight in common are balanced together. */
function chainsOf(pairs: readonly Migration[]): Migration[][] {
  const chains: { readonly members: Migration[]; readonly weights: Set<WeightId> }[] = [];
  for (const pair of pairs) {
    const own = pair.parts.map(({ weight }) => weight);
    const touched = chains.filter(({ weights }) => own.some((id) => weights.has(id)));
    for (const each of touched) chains.splice(chains.indexOf(each), 1);
    chains.push({
      members: [...touched.flatMap(({ members }) => members), pair],
      weights: new Set([...touched.flatMap(({ weights }) => [...weights]), ...own]),
    });
  }
  return chains.map(({ members }) => members);
}

/** Balanced when no factor of a round is further from one. */
const STILL = 1e-3;
/** In all rounds together. */
const MOST_FACTOR = 2 ** 12;

/** The weights of a chain are in memory together. */
async function balance(
  chain: readonly Migration[],
  model: Model,
  { rounds }: Asked,
  { signal }: Context,
): Promise<ReadonlyMap<Migration, Float64Array>> {
  const values = new Map<WeightId, { readonly weight: Weight; readonly values: Float32Array }>();
  for (const { weight: id } of chain.flatMap(layerParts)) {
    const weight = model.weights.get(id);
    if (weight && !values.has(id)) values.set(id, { weight, values: decode(await weight.load()).slice() });
  }
  const all = new Map(chain.map((migration) => [migration, new Float64Array(migration.channels).fill(1)]));
  for (let round = 0; round < rounds; round++) {
    let most = 0;
    for (const [migration, total] of all) {
      signal?.throwIfAborted();
      const [given, taken] = ([-1, 1] as const).map((power) => peaksOf(migration, power, values));
      const factors = total.map((before, i) => {
        const [a, b] = [given?.[i] ?? 0, taken?.[i] ?? 0];
        const factor = a > 0 && b > 0 ? Math.sqrt(a / b) : 1;
        return Math.min(MOST_FACTOR / before, Math.max(1 / MOST_FACTOR / before, factor));
      });
      for (const part of layerParts(migration)) {
        const known = values.get(part.weight);
        if (known) scaleAlong(known.values, known.weight.shape, part, factors);
      }
      for (const [i, factor] of factors.entries()) {
        total[i]! *= factor;
        most = Math.max(most, Math.abs(Math.log(factor)));
      }
    }
    if (most < STILL) break;
  }
  return all;
}

function layerParts({ parts }: Migration): Part[] {
  return parts.filter(({ layer }) => layer);
}

/** The largest magnitude of each channel in the weights that give it, or read it. */
function peaksOf(
  migration: Migration,
  power: Part['power'],
  values: ReadonlyMap<WeightId, { readonly weight: Weight; readonly values: Float32Array }>,
): Float64Array {
  const peaks = new Float64Array(migration.channels);
  for (const part of layerParts(migration)) {
    const known = part.power === power ? values.get(part.weight) : undefined;
    if (!known) continue;
    const at = positionAlong(known.weight.shape, part.axes);
    for (const [i, value] of known.values.entries()) {
      const id = part.ids[at(i)]!;
      if (id >= 0) peaks[id] = Math.max(peaks[id]!, Math.abs(value));
    }
  }
  return peaks;
}
