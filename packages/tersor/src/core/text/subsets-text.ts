import type { CalibrationReport, SubsetsReport } from '../report.ts';
import { percentText } from './units.ts';

/** How much depends on which samples the quality was measured on. */
export function subsetsText({ drops, mean, deviation, representative }: SubsetsReport): string {
  const range = `${percentText(Math.min(...drops))} to ${percentText(Math.max(...drops))}`;
  const typical = `part ${representative.subset + 1} is most like all samples (--json names them)`;
  return `on ${drops.length} parts of the samples: drop ${range}, mean ${percentText(mean)} ± ${percentText(deviation)}; ${typical}`;
}

/** How much depends on which samples the steps saw. */
export function calibrationText({ drops, mean, deviation, all, chosen }: CalibrationReport): string {
  const range = `${percentText(Math.min(...drops))} to ${percentText(Math.max(...drops))}`;
  const result = chosen ? `the result is made by part ${chosen.part + 1} (--json names its samples)` : 'the result is made by all of them';
  return `by each of ${drops.length} parts of the data: drop ${range}, mean ${percentText(mean)} ± ${percentText(deviation)}; by all ${percentText(all)}: ${result}`;
}
