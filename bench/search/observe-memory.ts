/** Usage: observe-memory KIND SAMPLES TOKENS. Prints the peak memory of observing MiniLM, this process and the runtime's together, in bytes. */
import type { Feeds } from '../../packages/tersor/src/core/engine.ts';
import { toFeeds } from '../main/judge-file.ts';
import { windows } from '../tasks/retrieval.ts';
import { BATCH, type Kind, observeMiniLM } from './observe-minilm.ts';

const [kind = 'range', samples = '32', tokens = '128'] = process.argv.slice(2);
const isKind = (text: string): text is Kind => ['range', 'histogram', 'gram'].includes(text);
if (!isKind(kind)) throw new Error(`no statistic ${kind}`);
const batches: Feeds[] = windows(Number(samples) / BATCH, BATCH, Number(tokens)).map(toFeeds);
console.log((await observeMiniLM(kind, batches)).memory);
