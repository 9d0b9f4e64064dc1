/** Starts programs of this repository the same way on every system. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface Outcome {
  readonly status: number;
  /** Standard output and error, in the order they came. */
  readonly output: string;
  /** Standard output alone: what a program logs meanwhile does not break its lines. */
  readonly printed: string;
  readonly seconds: number;
}

/** Runs `file` with Node, in the repository's root unless told otherwise. Never rejects: a failure is a status. */
export function runNode(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
  return run(process.execPath, [file, ...args], options);
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Passes output on as it comes, besides collecting it. */
  readonly echo?: boolean;
}

/** Runs a program and collects what it prints. Never rejects: a program that cannot start has status 127. */
export function run(command: string, args: readonly string[], { cwd = root, env, echo = false }: RunOptions = {}): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const [chunks, printed]: [Buffer[], Buffer[]] = [[], []];
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const finish = (status: number, more = '') =>
      resolve({
        status,
        output: Buffer.concat(chunks).toString() + more,
        printed: Buffer.concat(printed).toString(),
        seconds: (performance.now() - start) / 1000,
      });
    const collect = (to: NodeJS.WriteStream) => (chunk: Buffer) => {
      chunks.push(chunk);
      if (echo) to.write(chunk);
    };
    child.stdout.on('data', collect(process.stdout));
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
    child.stderr.on('data', collect(process.stderr));
    child.on('error', (error) => finish(127, `${command}: ${error.message}\n`));
    child.on('close', (status, signal) => finish(status ?? 1, signal ? `${command}: ended by ${signal}\n` : ''));
  });
}

/** Runs npm itself: through its script where npm started us, so that it works on Windows too. */
export function runNpm(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const script = process.env.npm_execpath;
  if (script?.endsWith('.js')) return runNode(script, args, options);
  return process.platform === 'win32' ? run('cmd', ['/d', '/c', 'npm', ...args], options) : run('npm', args, options);
}

/** The script behind a package's command, so that it runs without a shell. */
export function binOf(name: string, command = name.replace(/^@[^/]+\//, '')): string {
  const require = createRequire(join(root, 'package.json'));
  const manifest = findManifest(require, name);
  const bin: unknown = require(manifest).bin;
  const path = typeof bin === 'string' ? bin : bin && typeof bin === 'object' ? Reflect.get(bin, command) : undefined;
  if (typeof path !== 'string') throw new Error(`${name} has no command "${command}"`);
  return join(dirname(manifest), path);
}

function findManifest(require: NodeJS.Require, name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return require.resolve(join(folder, name, 'package.json'));
    } catch {
      // not in this folder
    }
  }
  throw new Error(`${name} is not installed: npm install`);
}

/** Ends this tool with a message for a person. */
export function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
