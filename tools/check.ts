/** Everything but the tests that must hold before a change lands. Runs every step, prints a line each, and what went wrong at the end. */
import { binOf, type Outcome, runNode } from './run.ts';

const tsx = binOf('tsx');
const tsc = binOf('typescript', 'tsc');

const steps: Readonly<Record<string, readonly [file: string, ...args: string[]]>> = {
  'types: library and tests': [tsc, '-p', 'packages/tersor', '--noEmit'],
  'types: loader': [tsc, '-p', 'packages/loader'],
  'types: pure folders, no DOM, no Node': [tsc, '-p', 'packages/tersor/tsconfig.pure.json'],
  'types: tools and benches': [tsc, '-p', '.'],
  'types: side by side': [tsc, '-p', 'examples/side-by-side'],
  'types: Vite example': [tsc, '-p', 'examples/vite'],
  'lint and format': [binOf('@biomejs/biome', 'biome'), 'check', '--error-on-warnings', '.'],
  'import direction and cycles': [tsx, 'tools/imports.ts'],
  'registry is fresh': [tsx, 'tools/registry.ts', '--check'],
  'generated docs are fresh': [tsx, 'tools/docs.ts', '--check'],
  'schema of reports is fresh': [tsx, 'tools/schema.ts', '--check'],
  'API snapshot': [tsx, 'tools/api.ts', '--check'],
  'published packages (publint, are the types wrong)': [tsx, 'tools/published.ts'],
  'unused files, exports, dependencies': [binOf('knip'), '--no-progress', '--no-config-hints'],
  'file length': [tsx, 'tools/file-length.ts'],
};

// API and packages are judged by what is built.
const names = ['build', ...Object.keys(steps)];
const failures: string[] = [];
const width = Math.max(...names.map((name) => name.length));

report('build', await runNode(tsx, ['tools/build.ts']));
const waiting = Object.entries(steps);
await Promise.all([work(), work()]);

if (failures.length > 0) {
  console.error(`\n${failures.join('\n\n')}\n\n${failures.length} of ${names.length} checks failed`);
  process.exit(1);
}

/** Two at a time: the steps are independent, and most machines have two cores. */
async function work(): Promise<void> {
  for (let step = waiting.shift(); step; step = waiting.shift()) {
    const [name, [file, ...args]] = step;
    report(name, await runNode(file, args));
  }
}

function report(name: string, { status, output, seconds }: Outcome): void {
  console.log(`${status === 0 ? '✓' : '✗'} ${name.padEnd(width)} ${seconds.toFixed(1).padStart(5)} s`);
  if (status !== 0) failures.push(`── ${name}\n${output.trimEnd()}`);
}
