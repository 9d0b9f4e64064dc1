import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../run.ts';

const FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'];

it('docs/dependencies.md lists every dependency with the version that is pinned', () => {
  const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
  const listed = [...page.matchAll(/^\| (\S+)(?: \((?:optional|peer)\))? \| (\S+) \| .{10,} \|$/gm)].map(
    ([, name, version]) => `${name}@${version}`,
  );
  const folders = ['.', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)];
  const pinned = folders.flatMap((folder) => {
    const manifest: Record<string, Record<string, string>> = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return FIELDS.flatMap((field) => Object.entries(manifest[field] ?? {}).map(([name, version]) => `${name}@${version}`));
  });
  expect(listed.sort()).toEqual([...new Set(pinned)].sort());
});
