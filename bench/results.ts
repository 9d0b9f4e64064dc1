import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Keeps a bench's figures with the versions of everything, as `bench/results/<name>.json`. */
export function saveResults(name: string, rows: unknown, peers: Readonly<Record<string, string>> = {}): void {
  write(name, { about: aboutRun(peers), rows });
}

/** The same for one model of several, which may be measured at different times: the others' figures stay as they are. */
export function saveModelResults(name: string, model: string, rows: unknown, peers: Readonly<Record<string, string>> = {}): void {
  const path = pathOf(name);
  const { models } = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { models: {} };
  write(name, {
    models: { ...models, [model]: { about: aboutRun(peers), rows } },
  });
}

/** The same for one part of a bench. */
export function savePartResults(name: string, part: string, rows: unknown, peers: Readonly<Record<string, string>> = {}): void {
  const path = pathOf(name);
  const { parts = {} } = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  write(name, { parts: { ...parts, [part]: { about: aboutRun(peers), rows } } });
}

function aboutRun(peers: Readonly<Record<string, string>>) {
  const version = (path: string): string => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
  }).trim();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit,
    tersor: version('../packages/tersor/package.json'),
    node: process.version,
    onnxruntime: version('../node_modules/onnxruntime-node/package.json'),
    cpu: cpus()[0]?.model ?? '',
    cores: cpus().length,
    ...peers,
  };
}

function write(name: string, results: unknown): void {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(pathOf(name), `${JSON.stringify(results, null, 2)}\n`);
}

function pathOf(name: string): URL {
  return new URL(`results/${name}.json`, import.meta.url);
}
