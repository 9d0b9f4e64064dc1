import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A Python with the given packages, for the peers of a benchmark: TERSOR_BENCH_VENV as it is, or .cache/bench-venv, made when needed.
 * Says so and returns undefined where there is none.
 * @param requirements  as pip takes them: `numpy==2.4.6`, or with an option before it
 */
export function pythonWith(requirements: readonly string[]): string | undefined {
  const given = process.env.TERSOR_BENCH_VENV;
  const folder = given ?? fileURLToPath(new URL('../../.cache/bench-venv', import.meta.url));
  const python = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  if (given) {
    if (existsSync(python)) return python;
    console.log(`no peers: TERSOR_BENCH_VENV is ${given}, where there is no Python`);
    return undefined;
  }
  if (!existsSync(python) && !run('python3', ['-m', 'venv', folder])) {
    console.log('no peers: python3 with venv is not installed');
    return undefined;
  }
  const list = join(folder, 'installed.txt');
  const installed = existsSync(list) ? readFileSync(list, 'utf8').split('\n') : [];
  const missing = requirements.filter((requirement) => !installed.includes(requirement));
  for (const requirement of missing) {
    if (run(python, ['-m', 'pip', 'install', '--quiet', ...requirement.split(' ')])) installed.push(requirement);
    else console.log(`not installed: ${requirement}`);
  }
  writeFileSync(list, installed.join('\n'));
  return python;
}

function run(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
