import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '3.22.1';

/** llama.cpp's shared libraries, from npm, where the tests of models put them, too. Undefined, and said, where there are none. */
export function llamaLibraries(): { readonly folder: string; readonly version: string } | undefined {
  const installed = fileURLToPath(new URL('../../.cache/llama-cpp', import.meta.url));
  const folder = join(installed, 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64');
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  if (!existsSync(folder)) {
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(installed, 'package.json'), '{ "private": true, "type": "module" }\n');
    const packages = [`node-llama-cpp@${VERSION}`, `@node-llama-cpp/linux-x64@${VERSION}`];
    const env = { ...process.env, NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' };
    const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--omit=optional', ...packages], { cwd: installed, env });
    if (status !== 0) return undefined;
  }
  const { version } = JSON.parse(readFileSync(join(installed, 'node_modules/@node-llama-cpp/linux-x64/package.json'), 'utf8'));
  return { folder, version };
}
