import { readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';

/** As the package says; from `src/io` and from `dist/io` the way is the same. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}

/** The most memory that this process has held so far, in bytes. */
export function peakMemory(): number {
  // Linux counts in the usage of a process what its parent held when it was started.
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(textOf('/proc/self/status')) ?? [];
  return (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes)) * 1024;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What kind of processor this is: measurements of one say little of another. */
export function processorName(): string {
  return `${arch()} ${cpus()[0]?.model ?? ''}`;
}
