import { decode } from '../../core/decode.ts';
import { findLayers } from '../../core/find-layers.ts';
import { withUniqueNames } from '../../core/graph-edit/names.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { findMigrations, type Migration, writersOf } from '../../core/migration/find-migrations.ts';
import { findRotations } from '../../core/migration/find-rotations.ts';
import { migrate } from '../../core/migration/migrate.ts';
import { rotate } from '../../core/migration/rotate.ts';
import { type Model, withGraph } from '../../core/model.ts';
import { integer, type Values } from '../../core/options.ts';
import { hadamardWeight } from '../hadamard-weight.ts';

const options = {
  borders: integer(0, 64, {
    default: 0,
    doc: 'Operators in the way of each set of channels, at most, that a product with a small matrix is put between when the model runs: tied embeddings, the last normalization, activations in front of a layer.',
  }),
};

export default defineMethod({
  id: 'rotate',
  family: 'migrate',
  summary:
    'Turns channels by Hadamard matrices, so that outliers are spread over all of a block. The model computes the same. Needs no data.',
  notes: [
    'A step before rounding. Rotations are worked into weights on both sides of channels that nothing but sums lies between: values of attention heads and the layer behind them, and the residual stream of',
    'models with RMS normalization, whose factors are worked into the layers behind them first. Nothing is computed when the model runs, unless `borders` allows it: with 1, most layers can be turned.',
    '',
    'It is for activations that are rounded, and for few bits. On a language model of 6 million weights with tied embeddings, `borders=2` leaves .14 of what `dynamic-int8` loses, .93 of `rtn` at 4 bits',
    'and .89 at 2 bits, for .1 % more bytes; without borders, where only heads are turned there, 1.03 of the first and the last. Prove it. Residual streams through LayerNormalization stay as they are.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2404.00456',
  options,
  changes: 'graph',
  loss: 'none',
  formats: ['onnx'],
  apply: rotateChannels,
});

async function rotateChannels(model: Model, { borders }: Values<typeof options>, context: Context): Promise<Model> {
  const { scope, note } = context;
  if (!model.graph || scope.length === 0) return model;
  const wanted = new Set(scope.map(({ weight }) => weight.id));
  const own = async (each: Model) => (await findLayers(each)).filter(({ weight }) => wanted.has(weight.id));
  const unique = withGraph(model, withUniqueNames(model.graph));
  const { migrations } = await findMigrations(unique, await own(unique));
  const plain = migrate(
    unique,
    migrations.flatMap((migration) => {
      const gamma = gammaOf(migration, unique);
      return gamma ? [{ migration, factors: gamma }] : [];
    }),
  );
  const { rotations, refused } = await findRotations(plain, await own(plain), borders);
  for (const [id, reason] of refused) note(id, `reads channels that are not turned: ${reason}`);
  return rotations.length === 0 ? model : rotate(plain, rotations, hadamardWeight);
}

/** The factors of a normalization that nothing else gives the channels, so that none are left of them. */
function gammaOf(migration: Migration, { weights }: Model): (() => Promise<Float64Array>) | undefined {
  const constants = migration.parts.filter(({ layer, power }) => !layer && power === -1);
  const [only] = constants;
  const weight = weights.get(only?.weight ?? '');
  if (!only || !weight || constants.length > 1 || writersOf(migration).length > 0 || weight.shape.length !== 1) return undefined;
  if (!only.node.op.includes('Mul') && !only.node.op.includes('Normalization')) return undefined;
  return async () => {
    const values = decode(await weight.load());
    const factors = new Float64Array(migration.channels).fill(1);
    for (const [i, id] of only.ids.entries()) if (id >= 0 && values[i] !== 0) factors[id] = values[i]!;
    return factors;
  };
}
