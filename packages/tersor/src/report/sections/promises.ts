import type { PromiseReport, Report } from '../../core/report.ts';
import { html, type Markup } from '../markup.ts';

const MARKS = { kept: '✓', indicated: '~', missed: '✗', unverified: '?' } as const satisfies Record<PromiseReport['status'], string>;
const TONES = { kept: 'good', indicated: 'warn', missed: 'bad', unverified: 'warn' } as const satisfies Record<
  PromiseReport['status'],
  string
>;

/** What was promised and what came of it. */
export function promisesSection({ promises }: Pick<Report, 'promises'>): Markup | undefined {
  if (promises.length === 0) return undefined;
  return html`<section aria-labelledby="promises"><h2 id="promises">Promises</h2>
<ul class="promises">${promises.map(
    ({ name, promised, actual, status }) =>
      html`<li class="${TONES[status]}"><span class="mark" aria-hidden="true">${MARKS[status]}</span><div><span class="promised">${promised}</span><span class="actual">${actual}</span></div><span class="word">${name === 'drop' && status === 'kept' ? 'proven' : status}</span></li>`,
  )}</ul></section>`;
}
