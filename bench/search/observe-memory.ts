/** Usage: observe-memory KIND SAMPLES TOKENS. Prints the peak memory of observing MiniLM, this process and the runtime's together, in bytes. What is found goes to
 * files, as it does when the command observes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Feeds } from '../../packages/tersor/src/core/engine.ts';
import { openArrays } from '../../packages/tersor/src/io/node-arrays.ts';
import { toFeeds } from '../main/judge-file.ts';
import { windows } from '../tasks/retrieval.ts';
import { BATCH, type Kind, observeMiniLM } from './observe-minilm.ts';

const [kind = 'range', samples = '32', tokens = '128'] = process.argv.slice(2);
const isKind = (text: string): text is Kind => ['range', 'histogram', 'gram'].includes(text);
if (!isKind(kind)) throw new Error(`no statistic ${kind}`);
const batches: Feeds[] = windows(Number(samples) / BATCH, BATCH, Number(tokens)).map(toFeeds);
const folder = mkdtempSync(join(tmpdir(), 'tersor-observed-'));
try {
  console.log((await observeMiniLM(kind, batches, { results: openArrays(folder, []) })).memory);
} finally {
  rmSync(folder, { recursive: true });
}
