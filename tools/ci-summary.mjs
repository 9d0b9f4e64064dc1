// Prints `N passed, N failed` from vitest's report. Plain JavaScript, because it must work when nothing could be installed.
import { readFileSync } from 'node:fs';

try {
  const report = JSON.parse(readFileSync('.cache/vitest.json', 'utf8'));
  // A file that does not load has no tests to fail.
  const failed = Math.max(report.numFailedTests, report.success ? 0 : 1);
  const skipped = report.numPendingTests + report.numTodoTests;
  console.log(`${report.numPassedTests} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0;
} catch {
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
