import { openPacked } from './compress/unpack-file.ts';
import type { AskedToUnpack, UnpackReport } from './core/packing.ts';
import { openScratch } from './io/node-scratch.ts';
import { openFolder, openNodeStore } from './io/node-store.ts';

/**
 * Gives back the file that was packed, bit for bit.
 * @throws FILE_CORRUPT when a checksum says that it would be another one, FILE_UNSUPPORTED, BASE_MISSING, FILE_MISSING, FILE_EXISTS, FILE_WRITE, USAGE, INTERRUPTED
 */
export async function unpack(input: string, asked: AskedToUnpack = {}): Promise<UnpackReport> {
  const began = performance.now();
  const { signal, onProgress, force = false, dryRun = false } = asked;
  const { store, name } = await openFolder(input);
  try {
    const source = await store.open(name);
    const file = await openPacked(input, source, asked.base);
    const target = asked.out ?? file.name;
    const scratch = dryRun
      ? undefined
      : await openScratch(target, { force, inputs: [input, ...(asked.base === undefined ? [] : [asked.base])] });
    const folder = await scratch?.attempt();
    const output = folder === undefined ? undefined : openNodeStore(folder);
    try {
      await output?.mustHaveRoom?.(file.bytes);
      const sink = scratch && (await output?.create(scratch.name));
      let done = 0;
      const { sha256 } = await file.read(async (bytes) => {
        await sink?.write(bytes);
        done += bytes.length;
        onProgress?.({ phase: 'unpack', done, total: file.bytes });
      }, signal);
      await output?.commit();
      if (scratch && folder !== undefined) await scratch.publish(folder);
      return {
        input: { path: input, bytes: source.size },
        output: { ...(scratch && { path: target }), bytes: file.bytes, sha256 },
        seconds: (performance.now() - began) / 1000,
      };
    } catch (error) {
      await output?.discard();
      throw error;
    } finally {
      await scratch?.remove();
    }
  } finally {
    await store.close();
  }
}
