import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { distTwins } from './tools/dist-twins.ts';

/** `vitest run` is the default suite; `--mode models` runs the long one, which needs files that are not in npm. */
export default defineConfig(({ mode }) => {
  const isModels = mode === 'models';
  const minutes = isModels ? 30 : 1;
  const files = testFiles().filter((file) => file.endsWith('.models.test.ts') === isModels);
  // modules are loaded once for many files, except where a file replaces some of them, or time, for itself
  const isAlone = (file: string) => /\bvi\./.test(readFileSync(file, 'utf8'));
  const project = (name: string, include: string[], isolate: boolean) => ({ extends: true as const, test: { name, include, isolate } });
  return {
    plugins: [distTwins()],
    test: {
      testTimeout: minutes * 60_000,
      hookTimeout: minutes * 60_000,
      // What a search measures is kept in the user's cache folder; tests leave that alone.
      env: { TERSOR_CACHE: '.cache/test' },
      pool: 'forks',
      maxWorkers: 2,
      reporters: process.env.CI ? ['default', ['json', { outputFile: '.cache/vitest.json' }]] : ['default'],
      projects: [
        project(
          'together',
          files.filter((file) => !isAlone(file)),
          false,
        ),
        project('alone', files.filter(isAlone), true),
      ],
    },
  };
});

function testFiles(): string[] {
  const projects = ['packages', 'examples'].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return [...projects, 'tools']
    .map((project) => join(project, 'test'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.test.ts'));
}
