import type { Alternative, Choice } from '../core/choice.ts';
import { describe } from '../core/describe.ts';
import type { Option } from '../search/candidates.ts';
import { alternatives } from '../search/explain.ts';

/** What a layer gets of its options, whose errors are known, and what its alternatives would have cost. */
export function explained(row: readonly Option[], chosen: Option): Choice {
  const { smaller, better } = alternatives(row, chosen);
  const against = (option: Option): Alternative => ({
    name: nameOf(option),
    bytes: option.bytes - chosen.bytes,
    loss: option.error - chosen.error,
  });
  return {
    id: chosen.layer.weight.id,
    name: nameOf(chosen),
    bytes: chosen.bytes,
    loss: chosen.error,
    ...(smaller && { smaller: against(smaller) }),
    ...(better && { better: against(better) }),
  };
}

/** What a weight becomes, in words. */
export function nameOf({ weight, execution }: Option): string {
  return describe(weight.layout) + (execution ? `, ${execution}` : '');
}
