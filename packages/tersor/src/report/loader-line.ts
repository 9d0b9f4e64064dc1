import type { Target } from '../core/format.ts';

/** The line that loads a model where it will run, ready to paste. On the web it is beside the page. */
export function loaderLine(path: string, target: Target): string {
  const web = `./${baseName(path)}`;
  switch (target) {
    case 'node':
      return `await ort.InferenceSession.create(${quoted(path)})`;
    case 'wasm':
      return `await ort.InferenceSession.create(${quoted(web)}, { executionProviders: ['wasm'] })`;
    case 'webgpu':
      return `await ort.InferenceSession.create(${quoted(web)}, { executionProviders: ['webgpu'] })`;
  }
}

/** The same of a packed one: the loader streams it into the runtime. */
export function packedLine(path: string): string {
  return `import { loadModel } from '@tersor/loader'; await loadModel(${quoted(`./${baseName(path)}`)}, { ort })`;
}

/** The last step of a path, in the writing of any system. */
export function baseName(path: string): string {
  return path.split(/[/\\]/).findLast((step) => step !== '') ?? path;
}

/** As a literal of JavaScript. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
