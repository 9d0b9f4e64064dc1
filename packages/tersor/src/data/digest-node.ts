import { createHash } from 'node:crypto';
import type { Value } from '../core/engine.ts';
import type { Sample } from '../core/samples.ts';

/** SHA-256 of what a sample feeds, in hexadecimal: names, types, shapes and values, not its id. Equal samples have equal digests. */
export function digestOf({ steps }: Sample): string {
  const hash = createHash('sha256');
  for (const [index, feeds] of steps.entries()) {
    for (const name of Object.keys(feeds).sort()) {
      const value = feeds[name];
      if (!value) continue;
      hash.update(JSON.stringify([index, name, value.dtype, value.shape]));
      hash.update(bytesOf(value));
    }
  }
  return hash.digest('hex');
}

/** SHA-256 of samples, whatever their order: two reports with the same digest judged by the same data. */
export function digestOfAll(samples: readonly Sample[]): string {
  const hash = createHash('sha256');
  for (const digest of samples.map(digestOf).sort()) hash.update(digest);
  return hash.digest('hex');
}

function bytesOf({ data }: Value): Uint8Array | string {
  return 'buffer' in data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : JSON.stringify(data);
}
