import { html, type Markup } from './markup.ts';
import { SCRIPT, SCRIPT_SHA256 } from './script.ts';
import { STYLE } from './style.ts';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * One HTML page that needs nothing else, no network, and no trust in the names that a model gives its parts.
 * @param what  the rest of the title, behind the name
 * @param scripted  whether the page's tables can be searched and sorted; without, no script runs at all
 */
export function page(name: string, what: string, body: Markup, { scripted = true } = {}): string {
  const policy = scripted ? `${POLICY}; script-src 'sha256-${SCRIPT_SHA256}'` : POLICY;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${{ html: policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${name.slice(0, 120)}${what}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<main>
${body}
</main>
${scripted && html`<script>${{ html: SCRIPT }}</script>`}
</body>
</html>
`.html;
}
