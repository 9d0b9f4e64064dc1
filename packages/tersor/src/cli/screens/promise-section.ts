import type { PromiseReport } from '../../core/report.ts';
import type { Colors } from '../shell.ts';
import { statusMark } from './status-mark.ts';

/** Each promise with what came of it. */
export function promiseSection(promises: readonly PromiseReport[], colors: Colors): string[] {
  if (promises.length === 0) return [];
  const width = Math.max(...promises.map(({ promised }) => promised.length));
  return [
    colors.bold('Promises'),
    ...promises.map(({ name, promised, actual, status }) => {
      const word = status === 'kept' ? (name === 'drop' ? 'proven' : '') : status;
      return `  ${statusMark(status, colors)} ${promised.padEnd(width)}  ${actual}${word && `  ${colors.dim(word)}`}`;
    }),
  ];
}
