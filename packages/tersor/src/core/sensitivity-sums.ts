import type { LayerSensitivity, Sensitivity } from './sensitivity.ts';

/** Steps that most layers take, for which losses added up stay below this, tell layers apart; beyond it everything is ruined. */
const RUINED = 1;

/** A layer and what it loses by the steps that layers are compared by. */
export interface Ranked {
  readonly layer: LayerSensitivity;
  readonly loss: number;
  /** Of what all layers lose. */
  readonly share: number;
}

/** The layers that lose most first, and the index of the steps that they are compared by: the cheapest that do not ruin the model. */
export function mostSensitive({ tried, layers }: Sensitivity): { readonly by?: number; readonly ranked: readonly Ranked[] } {
  const most = Math.max(0, ...tried.map((each) => each.layers));
  const common = tried.flatMap((each, index) => (each.layers >= 0.9 * most ? [{ index, loss: sumOf(layers, index) }] : []));
  const by = (common.find(({ loss }) => loss > 0 && loss < RUINED) ?? common.at(-1))?.index;
  if (by === undefined) return { ranked: [] };
  const total = sumOf(layers, by);
  const ranked = layers.flatMap((layer): Ranked[] => {
    const loss = layer.candidates.find(({ tried }) => tried === by)?.loss;
    return loss === undefined ? [] : [{ layer, loss, share: total > 0 ? loss / total : 0 }];
  });
  return { by, ranked: ranked.sort((a, b) => b.loss - a.loss) };
}

function sumOf(layers: readonly LayerSensitivity[], index: number): number {
  return layers.reduce((sum, { candidates }) => sum + (candidates.find(({ tried }) => tried === index)?.loss ?? 0), 0);
}
