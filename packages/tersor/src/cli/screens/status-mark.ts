import type { PromiseReport } from '../../core/report.ts';
import type { Colors } from '../shell.ts';

/** One character that says what came of a promise. */
export function statusMark(status: PromiseReport['status'], { green, red, yellow }: Colors): string {
  switch (status) {
    case 'kept':
      return green('✓');
    case 'missed':
      return red('✗');
    case 'indicated':
      return yellow('~');
    case 'unverified':
      return yellow('?');
  }
}
