import type { Declaration } from '../core/method.ts';
import type { Step } from '../core/recipe.ts';
import { METHODS } from './registry.gen.ts';

/** Whether a step sees what flows through the model, so that it needs data. */
export function observes({ use }: Step): boolean {
  const methods: Readonly<Record<string, Declaration>> = METHODS;
  return Object.hasOwn(methods, use) && methods[use]?.observes === true;
}
