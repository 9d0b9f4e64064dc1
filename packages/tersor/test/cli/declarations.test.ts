import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { COMMANDS, methodSpec } from '../../src/cli/command-specs.ts';
import { ERROR_PAGES } from '../../src/cli/explain/error-pages.ts';
import { FLAGS } from '../../src/cli/flags.ts';
import { flagName, flagUsage } from '../../src/cli/method-options.ts';
import { methodPage } from '../../src/cli/screens/methods-screen.ts';
import { parseRecipe } from '../../src/core/parse-recipe.ts';
import { METHODS } from '../../src/methods/registry.gen.ts';
import { fakeScreen } from './fake-shell.ts';

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

it.each(methods.map((method) => [method.id, method] as const))('%s: its page and its help name every option', (_, method) => {
  const page = methodPage(method, fakeScreen(100));
  const flags = methodSpec(method).options?.map(({ long }) => long);
  for (const [name, option] of Object.entries(method.options)) {
    expect(page).toContain(flagUsage(name, option));
    expect(flags).toContain(flagName(name));
  }
});

it('pages of errors name only commands and flags that exist', () => {
  const text = Object.values(ERROR_PAGES)
    .flatMap(({ meaning, causes, actions }) => [meaning, ...causes, ...actions])
    .join('\n');
  const commands = [...COMMANDS.map(({ name }) => name.split(' ')[0]), 'help'];
  const flags = Object.values(FLAGS).map((make) => make().long);
  for (const [, command] of text.matchAll(/: tersor (\w+)/g)) expect(commands).toContain(command);
  for (const [flag] of text.matchAll(/--[a-z-]+/g)) expect(flags).toContain(flag);
});
