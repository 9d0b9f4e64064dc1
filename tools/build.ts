/**
 * Builds what running needs: the kernels (AssemblyScript to inlined WASM), the registry of methods, `dist/`, and the bundle in it.
 * `npm install` runs this in a fresh clone, so it must be quick and say plainly what went wrong.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { binOf, type Outcome, root, runNode, runNpm } from './run.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`tersor needs Node 20.19 or newer; this is ${process.version}`);
  process.exit(1);
}

const steps: readonly { name: string; run: () => Promise<Outcome>; when?: boolean }[] = [
  {
    name: 'kernels (AssemblyScript)',
    when: existsSync(join(root, 'packages/kernels/package.json')),
    run: () => runNpm(['run', '--silent', 'build', '-w', '@tersor/kernels']),
  },
  {
    name: 'registry of methods',
    when: existsSync(join(root, 'tools/registry.ts')),
    run: () => runNode(binOf('tsx'), ['tools/registry.ts']),
  },
  { name: 'loader', run: () => runNode(binOf('typescript', 'tsc'), ['-p', 'packages/loader/tsconfig.build.json']) },
  { name: 'TypeScript', run: () => runNode(binOf('typescript', 'tsc'), ['-p', 'packages/tersor/tsconfig.build.json']) },
  { name: 'bundle', run: () => runNode(binOf('tsx'), ['tools/bundle.ts']) },
];

for (const { name, run, when = true } of steps) {
  if (!when) continue;
  const { status, output } = await run();
  if (status === 0) continue;
  console.error(`${output.trimEnd()}\n\nbuild failed: ${name}. Repeat it with: npm run build`);
  process.exit(1);
}

for (const project of ['packages/loader', 'packages/tersor']) dropLeftovers(join(root, project));

/** Removes built files whose source is gone, so that they are neither found by tests nor published. */
function dropLeftovers(project: string): void {
  for (const path of readdirSync(join(project, 'dist'), { recursive: true, encoding: 'utf8' })) {
    if (path.split(/[\\/]/)[0] === 'bundle') continue;
    const source = path.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (source !== path && !existsSync(join(project, 'src', source))) rmSync(join(project, 'dist', path));
  }
}
