import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../run.ts';

const FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'] as const;

type Manifest = { readonly name: string } & { readonly [field in (typeof FIELDS)[number]]?: Readonly<Record<string, string>> };

it('docs/dependencies.md lists every dependency with the version that is pinned', () => {
  const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
  const listed = [...page.matchAll(/^\| (\S+)(?: \((?:optional|peer)\))? \| (\S+) \| .{10,} \|$/gm)].map(
    ([, name, version]) => `${name}@${version}`,
  );
  const folders = ['.', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)];
  const manifests = folders.map((folder): Manifest => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')));
  const ours = new Set(manifests.map(({ name }) => name));
  const pinned = manifests.flatMap((manifest) =>
    FIELDS.flatMap((field) => Object.entries(manifest[field] ?? {}))
      .filter(([name]) => !ours.has(name))
      .map(([name, version]) => `${name}@${version}`),
  );
  expect(listed.sort()).toEqual([...new Set(pinned)].sort());
});
