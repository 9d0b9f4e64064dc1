import type { Budget } from '../../core/budget.ts';
import type { FolderModel } from '../../core/folder-report.ts';
import type { PromiseReport } from '../../core/report.ts';
import { judgePromises } from '../promises.ts';

/** The worse, the later. */
const ORDER: readonly PromiseReport['status'][] = ['kept', 'indicated', 'unverified', 'missed'];

/** The promises of a folder: bytes are those of all models together, everything else is as good as in the model that keeps it worst. */
export function wholePromises(models: readonly FolderModel[], { size }: Budget, before: number, after: number): PromiseReport[] {
  const ofBytes = judgePromises(size === undefined ? {} : { size }, { before, after }).filter(
    ({ name }) => name === 'smaller' || name === 'size',
  );
  const changed = models.filter(({ stays }) => stays === undefined);
  const worst = new Map<PromiseReport['name'], PromiseReport>();
  for (const { name, report } of changed) {
    for (const promise of report?.promises ?? []) {
      if (promise.name === 'smaller' || promise.name === 'size') continue;
      const before = worst.get(promise.name);
      if (before && !isWorse(promise, before)) continue;
      worst.set(
        promise.name,
        changed.length > 1 && promise.name !== 'loads' ? { ...promise, actual: `${promise.actual} (${name})` } : promise,
      );
    }
  }
  const [loads, ...others] = worst.values();
  return changed.length === 0 ? [] : [...(loads ? [loads] : []), ...ofBytes, ...others];
}

function isWorse(a: PromiseReport, b: PromiseReport): boolean {
  const [first, second] = [ORDER.indexOf(a.status), ORDER.indexOf(b.status)];
  return first === second ? Number.parseFloat(a.actual) > Number.parseFloat(b.actual) : first > second;
}
