import type { Report } from '../../core/report.ts';
import { shellWord } from '../../core/text/shell-word.ts';
import { baseName, loaderLine, packedLine, quoted } from '../loader-line.ts';
import { html, type Markup, preformatted } from '../markup.ts';

/** Longer recipes are in the model's metadata and in the report as JSON; a page need not hold them. */
const LONGEST_RECIPE = 60_000;

/** Lines to paste: loading the result, making it again, checking it. */
export function usageSection({ input, output, target, recipe }: Report): Markup {
  const path = output?.path;
  const json = visibleJson(recipe);
  const steps = recipe.steps.length;
  return html`<section class="card wide" aria-labelledby="usage"><h2 id="usage">Use it</h2>
${
  path !== undefined && [
    output?.format === 'onnx' && [
      block('Node.js', 'load-node', loaderLine(path, 'node')),
      block('Web', 'load-web', loaderLine(path, target === 'webgpu' ? 'webgpu' : 'wasm')),
      block(
        'transformers.js',
        'load-transformers',
        transformersLine(path),
        'With the file in the onnx folder of a model folder, beside its config.json.',
      ),
    ],
    output?.format === 'tsr' &&
      block('Web', 'load-packed', packedLine(path), 'It is unpacked while it arrives. tersor unpack gives the model in it.'),
    block('Make it again', 'repeat', `tersor ${shellWord(input.path)} --recipe ${shellWord(path)} -o again.${output?.format}`),
    block('Check it in CI', 'check', `tersor check report.json ${shellWord(path)}`, 'With a report written by --report report.json.'),
  ]
}
<details><summary>Recipe, ${steps} ${steps === 1 ? 'step' : 'steps'}</summary>
${
  json.length > LONGEST_RECIPE
    ? html`<p class="soft">It is too long to show here: it is in the metadata of the file, and in the report as JSON.</p>`
    : block('recipe.json', 'recipe', json)
}
</details></section>`;
}

/** Text to paste, with a button that copies it. */
export function block(title: string, id: string, text: string, note?: string): Markup {
  return html`<div class="paste"><div><h3>${title}</h3><button type="button" data-copy="${id}" aria-label="Copy: ${title}">Copy</button></div><pre id="${id}" tabindex="0">${preformatted(text)}</pre>${note !== undefined && html`<p class="soft">${note}</p>`}</div>`;
}

function transformersLine(path: string): string {
  const name = baseName(path).replace(/\.onnx$/i, '');
  return `await AutoModel.from_pretrained('model-folder', { model_file_name: ${quoted(name)}, dtype: 'fp32' })`;
}

/** JSON with every character that cannot be seen as its escape, so that what is copied is still JSON. */
function visibleJson(data: unknown): string {
  return JSON.stringify(data, null, 2).replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
