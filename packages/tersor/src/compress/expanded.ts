import type { Declaration } from '../core/method.ts';
import type { Step } from '../core/recipe.ts';
import { METHODS } from '../methods/registry.gen.ts';

/** Whether it was left open how the runtime computes with what the step makes. */
export function isExpandable({ use, execution = 'auto' }: Step): boolean {
  const methods: Readonly<Record<string, Declaration>> = METHODS;
  return execution === 'auto' && Object.hasOwn(methods, use) && methods[use]?.options.execution !== undefined;
}

/** The same weights, expanded to floats when the model is loaded: the original's speed. */
export function expanded(steps: readonly Step[]): Step[] {
  return steps.map((step) => (isExpandable(step) ? { ...step, execution: 'expand' } : step));
}
