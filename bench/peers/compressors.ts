import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cached, digestOf, remember } from '../cache.ts';
import { writeFeeds } from '../tasks/feeds-file.ts';
import type { Tensors } from '../tasks/task.ts';
import { pythonWith } from './venv.ts';

const SCRIPT = fileURLToPath(new URL('compress.py', import.meta.url));
const PACKAGES = [
  'numpy==2.4.6',
  'onnx==1.23.2',
  'onnx-ir==1.1.0',
  'onnxruntime==1.31.1',
  'sympy==1.14.0',
  'nncf==3.4.0',
  'onnxconverter-common==1.16.0',
];
const MOST_MS = 900_000;

/** How a tool is called in the table, by its name in the script. */
const METHODS: Readonly<Record<string, string>> = {
  'dynamic-int8': 'onnxruntime dynamic int8',
  'static-int8': 'onnxruntime static int8',
  '4-bit': 'onnxruntime 4-bit',
  'nncf-int8': 'NNCF weights int8',
  'nncf-int4': 'NNCF weights int4',
  fp16: 'fp16 onnxconverter',
  'fp16-onnxruntime': 'fp16 onnxruntime',
};

/** What a tool made of a model. */
export interface PeerResult {
  readonly label: string;
  readonly path: string;
  readonly seconds: number;
  /** Peak of the process, bytes. */
  readonly memory: number;
  /** Why there is nothing to look at. */
  readonly problem?: string;
  /** What it took. */
  readonly note?: string;
}

/** Python's tools, in an environment of their own. */
export interface Compressors {
  readonly versions: Readonly<Record<string, string>>;
  /**
   * One result a tool, in order; from the cache where the same versions were asked the same before.
   * @param only  the name of a tool in the script
   */
  compress(model: string, calibration: readonly Tensors[], only?: string): AsyncGenerator<PeerResult>;
}

/** Undefined, with a message, where there is no Python. */
export function openCompressors(): Compressors | undefined {
  const python = pythonWith(PACKAGES);
  if (!python) return undefined;
  const versions = versionsOf(python);
  return {
    versions,
    async *compress(model, calibration, only) {
      const folder = cached('calibration');
      mkdirSync(folder, { recursive: true });
      writeFeeds(folder, calibration);
      const values = [readFileSync(`${folder}/feeds.bin`), readFileSync(`${folder}/feeds.json`)];
      const about = [readFileSync(model), readFileSync(SCRIPT), JSON.stringify(versions)];
      for (const [method, label] of Object.entries(METHODS)) {
        if (only !== undefined && only !== method) continue;
        const isStatic = method === 'static-int8';
        if (isStatic && calibration.length === 0) continue;
        const key = digestOf(method, ...about, ...(isStatic ? values : []));
        const path = cached(`${key}.onnx`);
        const result = await remember(key, () => run(python, [SCRIPT, method, model, path, ...(isStatic ? [folder] : [])]));
        yield { label, path, ...result, ...(!result.problem && !existsSync(path) && { problem: 'wrote no file' }) };
      }
    },
  };
}

function versionsOf(python: string): Record<string, string> {
  const names = JSON.stringify(PACKAGES.map((requirement) => requirement.split('==')[0]));
  const script = `import importlib.metadata, json, platform
def version(name):
    try: return importlib.metadata.version(name)
    except Exception: return 'missing'
print(json.dumps({'python': platform.python_version(), **{'python ' + name: version(name) for name in ${names}}}))`;
  return JSON.parse(execFileSync(python, ['-c', script], { encoding: 'utf8' }));
}

function run(python: string, args: readonly string[]): Promise<Omit<PeerResult, 'label' | 'path'>> {
  return new Promise((resolve) => {
    execFile(python, args, { maxBuffer: 2 ** 26, timeout: MOST_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
      } catch {
        const problem = error?.killed ? `not done after ${MOST_MS / 60_000} minutes` : (stderr.trim().split('\n').at(-1) ?? 'failed');
        resolve({ seconds: Number.NaN, memory: Number.NaN, problem });
      }
    });
  });
}
