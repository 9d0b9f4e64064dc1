import type { Report } from '../../core/report.ts';
import { bytesText, durationText, percentText } from '../../core/text/units.ts';
import { byReason } from '../by-reason.ts';
import { html, type Markup, type Part, shortened } from '../markup.ts';

const [MOST_REASONS, MOST_NAMES] = [40, 6];

/** What was left alone, and why. */
export function notesSection({ skipped }: Report): Markup | undefined {
  if (skipped.length === 0) return undefined;
  const reasons = [...byReason(skipped)];
  const hidden = reasons.length - MOST_REASONS;
  return html`<section class="card wide" aria-labelledby="notes"><h2 id="notes">Notes</h2><ul class="notes">
${reasons.slice(0, MOST_REASONS).map(([message, names]) => {
  const more = names.length - MOST_NAMES;
  const listed = names.slice(0, MOST_NAMES).map((name) => shortened(name, 80));
  return html`<li>${shortened(message, 400)} <span class="soft">${listed.join(', ')}${more > 0 && ` and ${more} more`}</span></li>`;
})}
</ul>${hidden > 0 && html`<p class="soft">and ${hidden} more reasons</p>`}</section>`;
}

/** What it was made and measured with. */
export function footerSection({ version, runtimes, memory, seconds, input, output, conditions }: Report): Markup {
  const { total = 0, ...phases } = seconds;
  const took = Object.entries(phases).map(([name, value]) => `${name} ${durationText(value)}`);
  return html`<footer><dl>
${row('tersor', version)}
${runtimes.map(({ name, status, message, drop }) => row('runtime', `${name}, ${status}${drop === undefined ? '' : `, drop ${percentText(drop)}`}${message === undefined ? '' : `: ${shortened(message, 400)}`}`))}
${row('original', shortened(input.path, 200))}
${output && row('result', shortened(output.path, 200))}
${output?.sha256 !== undefined && row('SHA-256', html`<code>${output.sha256}</code>`)}
${conditions && row('seed', conditions.seed)}
${memory.process > 0 && row('peak memory', `${bytesText(memory.process)}${memory.engine === undefined ? '' : `, runtime ${bytesText(memory.engine)}`}`)}
${total > 0 && row('time', `${durationText(total)}${took.length > 0 ? `: ${took.join(', ')}` : ''}`)}
</dl></footer>`;
}

function row(name: string, value: Part): Markup {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>
`;
}
