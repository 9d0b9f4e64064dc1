import { html, type Markup } from './markup.ts';
import { SCRIPT, SCRIPT_SHA256 } from './script.ts';
import { STYLE } from './style.ts';

const POLICY = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${SCRIPT_SHA256}'; base-uri 'none'; form-action 'none'`;

/** One HTML page that needs nothing else, no network, and no trust in the names that a model gives its parts. */
export function page(title: string, body: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${{ html: POLICY }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title.slice(0, 120)}, compressed by tersor</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<main>
${body}
</main>
<script>${{ html: SCRIPT }}</script>
</body>
</html>
`.html;
}
