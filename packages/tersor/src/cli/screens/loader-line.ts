import { basename } from 'node:path';
import type { Target } from '../../core/format.ts';

/** The line that loads the result where it will run, ready to paste. */
export function loaderLine(path: string, target: Target): string {
  const web = `./${basename(path)}`;
  switch (target) {
    case 'node':
      return `await ort.InferenceSession.create(${quoted(path)})`;
    case 'wasm':
      return `await ort.InferenceSession.create(${quoted(web)}, { executionProviders: ['wasm'] })`;
    case 'webgpu':
      return `await ort.InferenceSession.create(${quoted(web)}, { executionProviders: ['webgpu'] })`;
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
