/** Checks the tarballs as others will resolve them: publint for the manifest, are-the-types-wrong for the types. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { pack, publishedPackages } from './packages.ts';
import { fail } from './run.ts';

/** Packages are ES modules: `require` finding ESM is meant, and the resolution of Node 10 knows no `exports`. */
const ACCEPTED = new Set(['CJSResolvesToESM']);
const RESOLUTIONS = new Set(['node16-esm', 'bundler']);

const folder = mkdtempSync(join(tmpdir(), 'tersor-published-'));
try {
  const findings: string[] = [];
  for (const each of publishedPackages()) {
    const tarball = readFileSync(await pack(each, folder));
    findings.push(...(await lint(each.name, each.folder, tarball)), ...(await types(each.name, tarball)));
  }
  if (findings.length > 0) fail(findings.join('\n'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function lint(name: string, pkgDir: string, tarball: Buffer): Promise<string[]> {
  const { messages } = await publint({ pack: { tarball: Uint8Array.from(tarball).buffer }, strict: true });
  const manifest: Record<string, unknown> = JSON.parse(readFileSync(join(pkgDir, 'package.json'), 'utf8'));
  return messages.map((message) => `${name}: ${formatMessage(message, manifest, { color: false }) ?? message.code}`);
}

async function types(name: string, tarball: Buffer): Promise<string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(Uint8Array.from(tarball)));
  if (!analysis.types) return [`${name}: has no types`];
  return analysis.problems
    .filter((problem) => !ACCEPTED.has(problem.kind) && (!('resolutionKind' in problem) || RESOLUTIONS.has(problem.resolutionKind)))
    .map((problem) => `${name}: ${JSON.stringify(problem)}`);
}
