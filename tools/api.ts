/**
 * Keeps `packages/tersor/api.md`, the public API as others see it, so that a change of it shows in review.
 * Reads the built declarations. With `--check` nothing is written, and a difference is an error.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { fail, root } from './run.ts';

const project = join(root, 'packages/tersor');
const entry = join(project, 'dist/index.d.ts');
const snapshot = join(project, 'api.md');

if (!existsSync(entry)) fail('dist/index.d.ts is missing: npm run build');
const text = describeApi();
if (!process.argv.includes('--check')) writeFileSync(snapshot, text);
else if (!existsSync(snapshot) || readFileSync(snapshot, 'utf8') !== text)
  fail('the public API differs from packages/tersor/api.md: npm run api, and commit it');

function describeApi(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-api-'));
  try {
    const problems: string[] = [];
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: project,
        mainEntryPointFilePath: entry,
        compiler: { tsconfigFilePath: join(project, 'tsconfig.build.json') },
        apiReport: {
          enabled: true,
          reportFolder: folder,
          reportTempFolder: join(folder, 'temp'),
          reportFileName: 'tersor.api.md',
          includeForgottenExports: true,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: 'lf',
        messages: {
          extractorMessageReporting: {
            default: { logLevel: ExtractorLogLevel.Warning },
            'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
            'ae-forgotten-export': { logLevel: ExtractorLogLevel.Warning },
            'ae-unresolved-link': { logLevel: ExtractorLogLevel.None },
          },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(project, 'package.json'),
    });
    Extractor.invoke(config, {
      localBuild: true,
      messageCallback: (message) => {
        message.handled = true;
        if (message.logLevel === 'error' || message.logLevel === 'warning')
          problems.push(`${message.sourceFilePath ?? ''} ${message.text}`);
      },
    });
    const report = join(folder, 'tersor.api.md');
    if (!existsSync(report)) fail(`the API could not be read:\n${problems.join('\n')}`);
    return readFileSync(report, 'utf8').replaceAll('\r\n', '\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
