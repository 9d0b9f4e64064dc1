import type { Report } from '../core/report.ts';
import { baseName } from './loader-line.ts';
import { html } from './markup.ts';
import { page } from './page.ts';
import { frontSection } from './sections/front.ts';
import { headerSection } from './sections/header.ts';
import { latencySection } from './sections/latency.ts';
import { layersSection } from './sections/layers.ts';
import { footerSection, notesSection } from './sections/notes.ts';
import { promisesSection } from './sections/promises.ts';
import { qualitySection } from './sections/quality.ts';
import { transferSection } from './sections/transfer.ts';
import { usageSection } from './sections/usage.ts';
import { worstSection } from './sections/worst.ts';

/** A report to look at. */
export function reportPage(report: Report): string {
  return page(
    baseName(report.input.path),
    ', compressed by tersor',
    html`${headerSection(report)}
${promisesSection(report)}
<div class="cards">
${qualitySection(report)}
${latencySection(report)}
${transferSection(report)}
${frontSection(report)}
${worstSection(report)}
${layersSection(report)}
${usageSection(report)}
${notesSection(report)}
</div>
${footerSection(report)}`,
  );
}
