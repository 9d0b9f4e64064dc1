import type { Target } from '../core/format.ts';
import type { Step } from '../core/recipe.ts';
import { observes } from '../methods/observes.ts';

/** Steps that are taken together, one after the other. */
type Chain = readonly Step[];

/** What may be done to every layer alike: of these chains the first that changes it. */
export type Setting = readonly Chain[];

/** Rounds so that errors make up for one another where data show how, and to the nearest elsewhere. */
function rounded(step: Omit<Step, 'use'>): Setting {
  return [[{ ...step, use: 'gptq' }], [{ ...step, use: 'rtn' }]];
}

/** Entries of books, for layers that are large beside a book: below 4 bits they lose less than integers at the same bytes. */
function fromBooks(step: Omit<Step, 'use'>): Setting {
  return [[{ ...step, use: 'codebook-gptq' }], [{ ...step, use: 'codebook' }]];
}

const HALVES: Setting = [[{ use: 'fp16', compute: 'float' }]];

/** What nearly every layer bears, from the fewest bytes to the most faithful. */
const CAREFUL: readonly Setting[] = [
  rounded({ bits: 8, block: 'row', symmetric: true, fit: 'mse' }),
  [[{ use: 'rtn', bits: 8, block: 32 }]],
  HALVES,
];

/** What some layers bear; which ones, only real data can tell. */
const BOLD: readonly Setting[] = [
  [...fromBooks({ vector: 4 }), ...rounded({ bits: 2, block: 16, symmetric: false })],
  fromBooks({ vector: 3 }),
  fromBooks({ vector: 5, books: 2 }),
  [...fromBooks({ vector: 2 }), ...rounded({ bits: 4, block: 64, symmetric: false })],
  rounded({ bits: 4, block: 32, symmetric: false }),
  rounded({ bits: 4, block: 16, symmetric: false }),
];

/** What packs into the fewest bytes, from those to the most faithful: each is about 3 dB better than the one before. */
const PACKED_STEPS = [1.1, 0.8, 0.56, 0.4, 0.28, 0.2, 0.14];
const CAREFULLY_PACKED_STEPS = [0.1, 0.07, 0.05, 0.025, 0.0125];
/** From here on steps of outputs follow their sizes; of larger ones, the bytes that small outputs take are more than what is won. */
const LARGEST_STEP_BY_ROWS = 0.2;

function packed(steps: readonly number[]): Setting[] {
  return steps.map((step) => [[{ use: 'rdoq-gptq', step, ...(step <= LARGEST_STEP_BY_ROWS && { rows: 0.5 }) }], [{ use: 'rdoq', step }]]);
}

/** What keeps weights small in memory, too: they are expanded block by block inside the operator. */
const COMPACT: readonly Setting[] = [rounded({ bits: 4, block: 32, execution: 'weight-only' })];
const CAREFULLY_COMPACT: readonly Setting[] = [
  [[{ use: 'rtn', bits: 8, block: 128, execution: 'weight-only' }]],
  [[{ use: 'rtn', bits: 8, block: 32, execution: 'weight-only' }]],
];

/** What makes layers quicker than floats: integers, whose activations are rounded too, and weights that stay small in memory. */
const QUICK: Readonly<Record<Target, readonly Setting[]>> = {
  node: [[[{ use: 'dynamic-int8' }]], ...CAREFULLY_COMPACT],
  wasm: [[[{ use: 'dynamic-int8', range: 'full' }]]],
  webgpu: [],
};

/** The steps that the search may take for a layer. Without data, less than 8 bits only where the user insists on a size. */
export function menuFor(asked: {
  readonly evidence: 'data' | 'synthetic';
  readonly size?: number | undefined;
  /** The same of what the container takes. */
  readonly coded?: number | undefined;
  /** The largest ratio to the original's latency. */
  readonly latency?: number | undefined;
  /** Peak memory of the runtime, bytes. */
  readonly memory?: number | undefined;
  readonly target: Target;
  /** What is wanted is a container: sizes are of what is left in it. */
  readonly packs?: boolean;
}): readonly Setting[] {
  const { evidence, size, coded, latency, memory, target, packs = false } = asked;
  const isBold = evidence === 'data' || size !== undefined || coded !== undefined;
  if (packs && memory === undefined && !isQuicker(latency)) {
    const all = [...packed([...(isBold ? PACKED_STEPS : []), ...CAREFULLY_PACKED_STEPS]), HALVES];
    return evidence === 'data' ? all : dataFree(all);
  }
  const quick = isQuicker(latency) ? QUICK[target] : [];
  const compact =
    memory === undefined ? [] : [...(isBold ? COMPACT : []), ...CAREFULLY_COMPACT.filter((setting) => !quick.includes(setting))];
  const all = [...(isBold ? BOLD : []), ...compact, ...quick, ...CAREFUL];
  return evidence === 'data' ? all : dataFree(all);
}

/** The settings without what needs to see data flow through the model. */
export function dataFree(settings: readonly Setting[]): Setting[] {
  return settings.map((chains) => chains.filter((steps) => steps.every((step) => !observes(step))));
}

/** Whether the result has to be quicker than the original, which only other operators can be. */
export function isQuicker(latency: number | undefined): latency is number {
  return latency !== undefined && latency < 1;
}
