import type { Progress } from '../core/progress.ts';
import { progressLine } from './progress-line.ts';
import type { Screen } from './shell.ts';

/** Runs `work` with its progress shown on `screen`, and cleans up behind it; without a screen it runs silently. */
export async function withProgress<T>(
  screen: Screen | undefined,
  work: (onProgress?: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  if (!screen) return work();
  const line = progressLine(screen);
  try {
    return await work(line.show);
  } finally {
    line.end();
  }
}
