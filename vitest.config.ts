import { configDefaults, defineConfig } from 'vitest/config';
import { distTwins } from './tools/dist-twins.ts';

/** `vitest run` is the default suite; `--mode models` runs the long one, which needs files that are not in npm. */
export default defineConfig(({ mode }) => {
  const suite = mode === 'models' ? '.models' : '';
  const minutes = suite ? 30 : 1;
  return {
    plugins: [distTwins()],
    test: {
      include: [`packages/*/test/**/*${suite}.test.ts`, `tools/test/**/*${suite}.test.ts`, `examples/*/test/**/*${suite}.test.ts`],
      exclude: [...configDefaults.exclude, ...(suite ? [] : ['**/*.models.test.ts'])],
      testTimeout: minutes * 60_000,
      hookTimeout: minutes * 60_000,
      // What a search measures is kept in the user's cache folder; tests leave that alone.
      env: { TERSOR_CACHE: '.cache/test' },
      pool: 'forks',
      maxWorkers: 2,
      reporters: process.env.CI ? ['default', ['json', { outputFile: '.cache/vitest.json' }]] : ['default'],
    },
  };
});
