import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensors } from './task.ts';

/** Reads what `writeFeeds` wrote, as data for tersor. */
const READER = `import { readFileSync } from 'node:fs';

const bytes = readFileSync(new URL('feeds.bin', import.meta.url));
const TYPES = { float32: Float32Array, int64: BigInt64Array };

export default JSON.parse(readFileSync(new URL('feeds.json', import.meta.url), 'utf8')).map((feeds) =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { type, dims, offset, length }]) => [
      name,
      { dims, type, data: new TYPES[type](bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length)) },
    ]),
  ),
);
`;

/**
 * Writes inputs where a JavaScript and a Python tool can read them: values one behind the other in `feeds.bin`, where they are in `feeds.json`, and
 * `feeds.mjs`, which yields them.
 * @returns the path of `feeds.mjs`
 */
export function writeFeeds(folder: string, samples: readonly Tensors[]): string {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const index = samples.map((feeds) =>
    Object.fromEntries(
      Object.entries(feeds).map(([name, { type, dims, data }]) => {
        if (!(data instanceof Float32Array || data instanceof BigInt64Array)) throw new Error(`${name} is ${type}`);
        parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        const from = offset;
        offset += data.byteLength;
        return [name, { type, dims, offset: from, length: data.byteLength }];
      }),
    ),
  );
  writeFileSync(join(folder, 'feeds.bin'), Buffer.concat(parts));
  writeFileSync(join(folder, 'feeds.json'), JSON.stringify(index));
  const reader = join(folder, 'feeds.mjs');
  writeFileSync(reader, READER);
  return reader;
}
