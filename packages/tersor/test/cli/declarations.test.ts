import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { methodSpec } from '../../src/cli/command-specs.ts';
import { FLAGS } from '../../src/cli/flags.ts';
import { parseRecipe } from '../../src/core/parse-recipe.ts';
import { METHODS } from '../../src/methods/registry.gen.ts';

const methods = Object.values(METHODS);

it.each(methods.map(({ id }) => id))('%s: no option hides a flag that every method has', (id) => {
  const { options = [], flags = [] } = methodSpec(methods.find((method) => method.id === id)!);
  const longs = [...options, ...flags.map((flag) => FLAGS[flag]())].map(({ long }) => long);
  expect(new Set(longs).size).toBe(longs.length);
});

it('every preset is a recipe that this version takes', async () => {
  const folder = new URL('../../recipes/', import.meta.url);
  const files = await readdir(folder);
  expect(files).toEqual(expect.arrayContaining(['fp16.json', 'int4.json', 'int8.json']));
  for (const file of files) {
    const recipe = parseRecipe(JSON.parse(await readFile(new URL(file, folder), 'utf8')), METHODS, file);
    expect(recipe.steps.length).toBeGreaterThan(0);
  }
});
