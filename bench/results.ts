import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Keeps a bench's figures with the versions of everything, as `bench/results/<name>.json`. */
export function saveResults(name: string, rows: unknown, peers: Readonly<Record<string, string>> = {}): void {
  const version = (path: string): string => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const about = {
    date: new Date().toISOString().slice(0, 10),
    commit,
    tersor: version('../packages/tersor/package.json'),
    node: process.version,
    onnxruntime: version('../node_modules/onnxruntime-node/package.json'),
    cpu: cpus()[0]?.model ?? '',
    cores: cpus().length,
    ...peers,
  };
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(new URL(`results/${name}.json`, import.meta.url), `${JSON.stringify({ about, rows }, null, 2)}\n`);
}
