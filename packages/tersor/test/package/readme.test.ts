import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binOf, root, run, runNode } from '../../../../tools/run.ts';
import { readBlocks } from './read-blocks.ts';

const blocks = readBlocks(readFileSync(join(root, 'README.md'), 'utf8'));
const testCommand = blocks.find(({ note }) => note === 'the test command');
const runnable = blocks.filter((block) => block !== testCommand && !block.note.startsWith('not run: '));
const shell = runnable.filter(({ language }) => language === 'sh');
const scripts = runnable.filter(({ language }) => language === 'ts' || language === 'js');

/** In the folder of the test everything is installed already; what a reader is told to install must be there under that name. */
const INSTALLED = `npm() {
  case "$1" in install | i) shift ;; *) command npm "$@"; return ;; esac
  for name in "$@"; do
    case "$name" in -*) continue ;; esac
    test -d "node_modules/$name" || { echo "README installs $name, which this repository does not have"; return 1; }
  done
}
`;

describe('README', () => {
  let folder = '';

  // One folder for all blocks, as a reader works through the page.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tersor-readme-'));
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('names the command that CI runs', () => {
    expect(testCommand?.code).toBe('npm install && npm test\n');
    expect(readFileSync(join(root, '.ci/run'), 'utf8')).toContain(`\n${testCommand?.code.trimEnd()} ||`);
  });

  it('has a command to begin with', () => expect(shell.length).toBeGreaterThan(0));

  it.each(shell)(
    'line $line: $code',
    async ({ code }) => {
      expect(await run('bash', ['-euc', INSTALLED + code], { cwd: folder })).toMatchObject({ status: 0 });
    },
    180_000,
  );

  it.each(scripts)(
    'line $line: script',
    async ({ line, language, code }) => {
      const file = `readme-${line}.${language}`;
      writeFileSync(join(folder, file), code);
      expect(await runNode(binOf('tsx'), [file], { cwd: folder })).toMatchObject({ status: 0 });
    },
    180_000,
  );

  it.runIf(scripts.length > 0)(
    'scripts have no type errors',
    async () => {
      const compilerOptions = { strict: true, noEmit: true, target: 'es2023', module: 'nodenext', skipLibCheck: true, types: ['node'] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['readme-*.ts'] }));
      for (const { line, language, code } of scripts) writeFileSync(join(folder, `readme-${line}.${language}`), code);
      expect(await runNode(binOf('typescript', 'tsc'), ['-p', '.'], { cwd: folder })).toMatchObject({ status: 0 });
    },
    60_000,
  );
});
