import type { TransformersLoader } from '../core/folder-report.ts';
import { quoted } from './loader-line.ts';

/** The line that loads a model folder with transformers.js, ready to paste. */
export function transformersLine(output: string, { folder, task, dtype }: TransformersLoader): string {
  const place = [output.replaceAll('\\', '/').replace(/\/$/, ''), folder].filter(Boolean).join('/');
  // without a leading dot or slash it would be taken for a name on Hugging Face
  const path = /^(\.{0,2}\/|[a-z]:)/i.test(place) ? place : `./${place}`;
  const options = `{ dtype: ${typeof dtype === 'string' ? quoted(dtype) : literal(dtype)} }`;
  return task === undefined
    ? `await AutoModel.from_pretrained(${quoted(path)}, ${options})`
    : `await pipeline(${quoted(task)}, ${quoted(path)}, ${options})`;
}

function literal(dtypes: Readonly<Record<string, string>>): string {
  const entries = Object.entries(dtypes).map(([name, dtype]) => `${/^[a-z_]\w*$/i.test(name) ? name : quoted(name)}: ${quoted(dtype)}`);
  return `{ ${entries.join(', ')} }`;
}
