import type { DivergenceReport, RepairReport } from '../report.ts';
import { percentText } from './units.ts';

/** Where two runs part, in two sentences: which operator, and what was compared. */
export function divergenceText({
  between,
  node,
  op,
  reason,
  error,
  errorBefore,
  sample,
  compared,
  certain,
}: DivergenceReport): [string, string] {
  const what = reason === 'error' ? `error ${percentText(error ?? 0)}, ${percentText(errorBefore)} before it` : reason;
  const doubt = certain ? '' : '; not so when values before it are looked at: operators that are fused there may be to blame';
  return [
    `first diverging node: ${node} (${op}): ${what}`,
    `${between[1]} against ${between[0]}, ${sample}, ${compared} ${compared === 1 ? 'value' : 'values'} compared${doubt}`,
  ];
}

export function repairText({ step, use, kept, because }: RepairReport): string {
  const shown = kept.slice(0, 4).join(', ');
  const more = kept.length > 4 ? ` and ${kept.length - 4} more` : '';
  return `steps[${step}] ${use} leaves ${shown}${more} in higher precision: ${because}`;
}
