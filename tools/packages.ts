/** The packages this repository publishes, and their tarballs. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runNpm } from './run.ts';

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
}

/** Every workspace that is not private. */
export function publishedPackages(): Package[] {
  return readdirSync(join(root, 'packages')).flatMap((name) => {
    const folder = join(root, 'packages', name);
    const manifest: { name: string; version: string; private?: boolean } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return manifest.private ? [] : [{ name: manifest.name, version: manifest.version, folder }];
  });
}

/** Packs a package as `npm publish` would and returns the tarball's path. Needs `npm run build` before. */
export async function pack({ name, version, folder }: Package, into: string): Promise<string> {
  mkdirSync(into, { recursive: true });
  const { status, output } = await runNpm(['pack', '--silent', '--pack-destination', into], { cwd: folder });
  if (status !== 0) throw new Error(`npm pack ${name} failed:\n${output}`);
  return join(into, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
}
