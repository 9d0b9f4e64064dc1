import type { Report } from '../../core/report.ts';
import { bytesText, durationText } from '../../core/text/units.ts';
import { html, type Markup } from '../markup.ts';
import { bytesAfter } from './header.ts';

/** Slow mobile, and a good line; 1 Mbit is 10^6 bits. */
const SPEEDS = [10, 50] as const;

/** How long users wait for the file, as it is and after brotli. */
export function transferSection(report: Report): Markup {
  return downloadSection(report.input.bytes, report.transfer?.after.bytes ?? bytesAfter(report), report.transfer);
}

/** @param transfer  absent when brotli was not measured */
export function downloadSection(before: number, after: number | undefined, transfer: Report['transfer']): Markup {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['before', before],
    ['before, brotli', transfer?.before.brotli],
    ['after', after],
    ['after, brotli', transfer?.after.brotli],
  ];
  return html`<section class="card" aria-labelledby="transfer"><h2 id="transfer">Download</h2>
<table><caption class="hidden">Seconds to download</caption><thead><tr><th scope="col">file</th><th scope="col" class="num">size</th>${SPEEDS.map((speed) => html`<th scope="col" class="num">${speed} Mbit/s</th>`)}</tr></thead><tbody>
${rows.map(
  ([name, bytes]) =>
    bytes !== undefined &&
    html`<tr class="${name.startsWith('after') ? 'strong' : ''}"><th scope="row">${name}</th><td class="num">${bytesText(bytes)}</td>${SPEEDS.map((speed) => html`<td class="num">${durationText((bytes * 8) / (speed * 1e6))}</td>`)}</tr>`,
)}
</tbody></table>
${transfer ? html`<p class="soft">Brotli at quality 9, of every file of the model.</p>` : html`<p class="soft">Brotli was not measured.</p>`}
</section>`;
}
