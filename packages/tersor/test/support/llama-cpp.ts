import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runNpm } from '../../../../tools/run.ts';

const INSTALLED = join(root, '.cache/llama-cpp');
const PACKAGES = ['node-llama-cpp@3.22.1', '@node-llama-cpp/linux-x64@3.22.1'];

/** Installs node-llama-cpp where scripts find it, once. @returns the folder for scripts */
export async function installLlamaCpp(): Promise<string> {
  if (existsSync(join(INSTALLED, 'node_modules/node-llama-cpp'))) return INSTALLED;
  mkdirSync(INSTALLED, { recursive: true });
  writeFileSync(join(INSTALLED, 'package.json'), '{ "private": true, "type": "module" }\n');
  const env = { NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' };
  const { status, output } = await runNpm(['install', '--no-audit', '--no-fund', '--omit=optional', ...PACKAGES], { cwd: INSTALLED, env });
  if (status !== 0) throw new Error(output);
  return INSTALLED;
}
