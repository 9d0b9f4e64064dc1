import type { Report } from '../core/report.ts';
import { baseName } from './loader-line.ts';
import { html } from './markup.ts';
import { SCRIPT, SCRIPT_SHA256 } from './script.ts';
import { frontSection } from './sections/front.ts';
import { headerSection } from './sections/header.ts';
import { latencySection } from './sections/latency.ts';
import { layersSection } from './sections/layers.ts';
import { footerSection, notesSection } from './sections/notes.ts';
import { promisesSection } from './sections/promises.ts';
import { qualitySection } from './sections/quality.ts';
import { transferSection } from './sections/transfer.ts';
import { usageSection } from './sections/usage.ts';
import { STYLE } from './style.ts';

const POLICY = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${SCRIPT_SHA256}'; base-uri 'none'; form-action 'none'`;

/** A report to look at: one HTML page that needs nothing else, no network, and no trust in the names that a model gives its parts. */
export function reportPage(report: Report): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${{ html: POLICY }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${baseName(report.input.path).slice(0, 120)}, compressed by tersor</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<main>
${headerSection(report)}
${promisesSection(report)}
<div class="cards">
${qualitySection(report)}
${latencySection(report)}
${transferSection(report)}
${frontSection(report)}
${layersSection(report)}
${usageSection(report)}
${notesSection(report)}
</div>
${footerSection(report)}
</main>
<script>${{ html: SCRIPT }}</script>
</body>
</html>
`.html;
}
