import type { FolderModel, FolderReport } from '../core/folder-report.ts';
import type { TransferReport, WeightReport } from '../core/report.ts';
import { bytesText, durationText, integerText, percentText, ratioText, valueText } from '../core/text/units.ts';
import { pairOfBars } from './charts/share-bars.ts';
import { baseName } from './loader-line.ts';
import { html, type Markup, shortened } from './markup.ts';
import { page } from './page.ts';
import { outcomeLine } from './sections/header.ts';
import { promisesSection } from './sections/promises.ts';
import { downloadSection } from './sections/transfer.ts';
import { block } from './sections/usage.ts';
import { transformersLine } from './transformers-line.ts';

const [MOST_FILES, MOST_WEIGHTS] = [200, 60];

/** The report of a folder to look at: one HTML page, as `reportPage` is. */
export function folderPage(report: FolderReport): string {
  const { input, outcome, resultBytes, target, models, loaders = [], output, version, seconds } = report;
  const after = outcome === 'nothing-to-gain' ? undefined : resultBytes;
  const count = `${models.length} ${models.length === 1 ? 'model' : 'models'}`;
  return page(
    baseName(input.path),
    ', compressed by tersor',
    html`<header>
<p class="eyebrow"><span class="brand">tersor</span> for ${target} · ${count}</p>
<h1>${shortened(baseName(input.path), 120)}</h1>
${outcomeLine(outcome, 'The models are')}
<div class="hero">
<p><span class="number before-number">${bytesText(input.bytes)}</span>${after !== undefined && html` <span class="arrow" aria-label="to">→</span> <span class="number">${bytesText(after)}</span>`}</p>
${after !== undefined && html`<p class="sub">${percentText(after / input.bytes)} of the bytes${after > 0 && after < input.bytes && html`, <strong>${(input.bytes / after).toFixed(2)}x smaller</strong>`}</p>`}
</div>
</header>
${promisesSection(report)}
<div class="cards">
${modelsSection(models)}
${downloadSection(input.bytes, after, transferOf(report))}
${
  output &&
  loaders.length > 0 &&
  html`<section class="card" aria-labelledby="usage"><h2 id="usage">Use it</h2>
${loaders.map((loader, i) => block('transformers.js', `load-${i}`, transformersLine(output.path, loader), loader.folder || undefined))}</section>`
}
${filesSection(report)}
${models.map(weightsSection)}
</div>
<footer><dl><div><dt>tersor</dt><dd>${version}</dd></div>
<div><dt>original</dt><dd>${shortened(input.path, 200)}</dd></div>
${output && html`<div><dt>result</dt><dd>${shortened(output.path, 200)}</dd></div>`}
<div><dt>time</dt><dd>${durationText(seconds.total ?? 0)}</dd></div></dl></footer>`,
  );
}

function modelsSection(models: readonly FolderModel[]): Markup {
  const most = models.reduce((sum, { report, resultBytes }) => Math.max(sum, report?.input.bytes ?? resultBytes), 1);
  return html`<section class="card wide" aria-labelledby="models"><h2 id="models">Models</h2>
<div class="scroll-x" tabindex="0" role="region" aria-label="All models"><table><caption class="hidden">Every model of the folder</caption><thead><tr><th scope="col">model</th><th scope="col">bytes</th><th scope="col">quality</th><th scope="col">latency</th></tr></thead><tbody>
${models.map((model) => modelRow(model, most))}
</tbody></table></div></section>`;
}

function modelRow({ name, output, resultBytes, stays, dtype, report }: FolderModel, most: number): Markup {
  const before = report?.input.bytes ?? resultBytes;
  const about = [output !== name && `→ ${output}`, dtype, stays !== undefined && `stays: ${stays}`].filter(Boolean).join(' · ');
  const { quality, speed } = stays === undefined ? (report ?? {}) : {};
  return html`<tr><th scope="row">${shortened(name, 100)}<br><small>${shortened(about, 200)}</small></th>
<td>${pairOfBars(before, resultBytes, most)}<small>${bytesText(before)}${resultBytes !== before && ` → ${bytesText(resultBytes)}, ${percentText(resultBytes / before)}`}</small></td>
<td>${
    quality &&
    html`${quality.metric} ${valueText(quality.value)}<br><small>drop ${percentText(quality.drop)} (95 %: ${percentText(quality.interval[0])} to ${percentText(quality.interval[1])}), ${quality.evidence === 'data' ? 'measured on data' : 'indicated by made-up inputs'}</small>`
  }</td>
<td>${speed && html`${ratioText(speed.ratio)}<br><small>95 %: ${ratioText(speed.interval[0])} to ${ratioText(speed.interval[1])}</small>`}</td></tr>
`;
}

/** Of all models together, where every one that changed was weighed. */
function transferOf({ models }: FolderReport): TransferReport | undefined {
  const transfers = models.map(
    ({ report, stays }) =>
      report?.transfer && { before: report.transfer.before, after: report.transfer[stays === undefined ? 'after' : 'before'] },
  );
  if (transfers.length === 0) return undefined;
  let sum: TransferReport = { before: { bytes: 0, brotli: 0 }, after: { bytes: 0, brotli: 0 } };
  for (const transfer of transfers) {
    if (!transfer) return undefined;
    const plus = (side: 'before' | 'after') => ({
      bytes: sum[side].bytes + transfer[side].bytes,
      brotli: sum[side].brotli + transfer[side].brotli,
    });
    sum = { before: plus('before'), after: plus('after') };
  }
  return sum;
}

function filesSection({ files }: FolderReport): Markup | undefined {
  if (files.length === 0) return undefined;
  const hidden = files.length - MOST_FILES;
  return html`<section class="card wide" aria-labelledby="files"><h2 id="files">Other files</h2>
<table><caption class="hidden">What lies with the models</caption><thead><tr><th scope="col">file</th><th scope="col" class="num">bytes</th><th scope="col">in the result</th></tr></thead><tbody>
${files
  .slice(0, MOST_FILES)
  .map(
    ({ name, bytes, status, why }) =>
      html`<tr><th scope="row">${shortened(name, 100)}</th><td class="num">${bytes !== undefined && bytesText(bytes)}</td><td>${status === 'left-out' ? 'left out' : status}${why !== undefined && html`<small> ${shortened(why, 200)}</small>`}</td></tr>`,
  )}
</tbody></table>${hidden > 0 && html`<p class="soft">and ${integerText(hidden)} more</p>`}</section>`;
}

/** The largest weights of a model, folded away. */
function weightsSection({ name, stays, report }: FolderModel): Markup | undefined {
  if (!report || stays !== undefined || report.weights.length === 0) return undefined;
  const sorted = [...report.weights].sort((a, b) => Math.max(b.bytesBefore, b.bytesAfter) - Math.max(a.bytesBefore, a.bytesAfter));
  const most = sorted[0] ? Math.max(sorted[0].bytesBefore, sorted[0].bytesAfter) : 1;
  const hidden = sorted.length - MOST_WEIGHTS;
  return html`<section class="card wide"><details><summary>${shortened(name, 100)}, ${integerText(sorted.length)} weights</summary>
<table><caption class="hidden">The largest weights of ${name}</caption><thead><tr><th scope="col">weight</th><th scope="col">bytes</th><th scope="col" class="num">error</th></tr></thead><tbody>
${sorted.slice(0, MOST_WEIGHTS).map((weight) => weightRow(weight, most))}
</tbody></table>${hidden > 0 && html`<p class="soft">and ${integerText(hidden)} smaller ones: all are in the report as JSON.</p>`}</details></section>`;
}

function weightRow({ id, before, after, bytesBefore, bytesAfter, error }: WeightReport, most: number): Markup {
  return html`<tr><th scope="row">${shortened(id, 100)}<br><small>${before === after ? before : `${before} → ${after}`}</small></th><td>${pairOfBars(bytesBefore, bytesAfter, most)}<small>${bytesText(bytesBefore)}${bytesAfter !== bytesBefore && ` → ${bytesText(bytesAfter)}`}</small></td><td class="num">${error !== undefined && percentText(error)}</td></tr>
`;
}
