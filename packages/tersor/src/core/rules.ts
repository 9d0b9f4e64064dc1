import { TersorError } from './error.ts';
import type { Layer, LayerKind } from './layers.ts';
import { nearest } from './nearest.ts';

/** Which layers a step touches. A field left out matches everything; `name` is a glob where `*` crosses no `.` or `/`, and `**` does. */
export interface Rule {
  readonly name?: string;
  readonly kind?: LayerKind;
  readonly minElements?: number;
}

/**
 * The layers that any of `rules` selects, in their own order. A rule that selects nothing is a mistake in the recipe, not a no-op.
 * @throws RULE_UNMATCHED
 */
export function select(layers: readonly Layer[], rules: readonly Rule[]): Layer[] {
  const byName = new Map(layers.map((layer) => [layer.weight.id, layer]));
  const selected = new Set<Layer>();
  for (const rule of rules) {
    const matching = matcherOf(rule);
    const found = candidates(rule, layers, byName).filter(matching);
    for (const layer of found) selected.add(layer);
    if (found.length > 0) continue;
    const close = nearest(
      rule.name ?? '',
      layers.map((layer) => layer.weight.id),
    );
    throw new TersorError(
      'RULE_UNMATCHED',
      JSON.stringify(rule),
      `none of ${layers.length} layers matches`,
      close ? `closest name: "${close}"` : 'see the names with: tersor inspect <model> --weights',
    );
  }
  return layers.filter((layer) => selected.has(layer));
}

/** A rule without `*` names one layer: recipes that were found list thousands of them. */
function candidates({ name }: Rule, layers: readonly Layer[], byName: ReadonlyMap<string, Layer>): readonly Layer[] {
  if (name === undefined || name.includes('*')) return layers;
  const layer = byName.get(name);
  return layer ? [layer] : [];
}

function matcherOf({ name, kind, minElements = 0 }: Rule): (layer: Layer) => boolean {
  const pattern = name === undefined ? undefined : globOf(name);
  return ({ weight, kind: of, outputs, inputs }) =>
    (kind === undefined || kind === of) && outputs * inputs >= minElements && (pattern?.test(weight.id) ?? true);
}

/** A pattern where `*` crosses no `.` or `/`, and `**` does. */
export function globOf(pattern: string): RegExp {
  const source = pattern.replace(/\*\*|\*|[^*]+/g, (part) =>
    part === '**' ? '.*' : part === '*' ? '[^./]*' : part.replace(/[\\^$.+?()|[\]{}]/g, '\\$&'),
  );
  return new RegExp(`^${source}$`, 's');
}
