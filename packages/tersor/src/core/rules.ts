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
  for (const rule of rules) {
    if (layers.some((layer) => matches(rule, layer))) continue;
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
  return layers.filter((layer) => rules.some((rule) => matches(rule, layer)));
}

function matches(rule: Rule, { weight, kind, outputs, inputs }: Layer): boolean {
  if (rule.kind !== undefined && rule.kind !== kind) return false;
  if (rule.minElements !== undefined && outputs * inputs < rule.minElements) return false;
  return rule.name === undefined || glob(rule.name).test(weight.id);
}

function glob(pattern: string): RegExp {
  const source = pattern.replace(/\*\*|\*|[^*]+/g, (part) =>
    part === '**' ? '.*' : part === '*' ? '[^./]*' : part.replace(/[\\^$.+?()|[\]{}]/g, '\\$&'),
  );
  return new RegExp(`^${source}$`, 's');
}
