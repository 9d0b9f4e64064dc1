import { openDecoder, openTsr, TsrError, unpackFile } from '@tersor/loader';
import { TersorError } from './core/error.ts';
import type { AskedToUnpack, UnpackReport } from './core/packing.ts';
import { printable } from './core/text/printable.ts';
import { openScratch } from './io/node-scratch.ts';
import { openSha256 } from './io/node-sha256.ts';
import { openFolder, openNodeStore } from './io/node-store.ts';

/**
 * Gives back the file that was packed, bit for bit.
 * @throws FILE_CORRUPT when a checksum says that it would be another one, FILE_UNSUPPORTED, FILE_MISSING, FILE_EXISTS, FILE_WRITE, USAGE, INTERRUPTED
 */
export async function unpack(input: string, asked: AskedToUnpack = {}): Promise<UnpackReport> {
  const began = performance.now();
  const { signal, onProgress, force = false, dryRun = false } = asked;
  const { store, name } = await openFolder(input);
  try {
    const source = await store.open(name);
    const decoder = await openDecoder();
    const { file, ...header } = await openTsr(source, decoder);
    const target = asked.out ?? safeName(file.name, name);
    const scratch = dryRun ? undefined : await openScratch(target, { force, inputs: [input] });
    const folder = await scratch?.attempt();
    const output = folder === undefined ? undefined : openNodeStore(folder);
    try {
      const sink = scratch && (await output?.create(scratch.name));
      const hash = openSha256();
      let done = 0;
      for await (const bytes of unpackFile(source, { file, ...header }, decoder)) {
        if (signal?.aborted) throw new TersorError('INTERRUPTED', input, 'stopped while it was unpacked');
        hash.update(bytes);
        await sink?.write(bytes);
        done += bytes.length;
        onProgress?.({ phase: 'unpack', done, total: file.bytes });
      }
      const digest = hash.digest();
      if (digest.some((byte, i) => byte !== file.sha256[i])) throw new TsrError('corrupt', 'gives back another file than was packed');
      await output?.commit();
      if (scratch && folder !== undefined) await scratch.publish(folder);
      return {
        input: { path: input, bytes: source.size },
        output: { ...(scratch && { path: target }), bytes: file.bytes, sha256: Buffer.from(digest).toString('hex') },
        seconds: (performance.now() - began) / 1000,
      };
    } catch (error) {
      await output?.discard();
      throw error;
    } finally {
      await scratch?.remove();
    }
  } catch (error) {
    if (!(error instanceof TsrError)) throw error;
    const code = error.code === 'corrupt' ? 'FILE_CORRUPT' : 'FILE_UNSUPPORTED';
    const hint = error.code === 'corrupt' ? 'fetch it again' : 'was it made by "tersor pack"? A newer tersor may read it';
    throw new TersorError(code, input, error.message, hint, { cause: error });
  } finally {
    await store.close();
  }
}

/** The name that a file had, where that is one; files from strangers do not choose folders. */
function safeName(name: string, packed: string): string {
  const isName = name !== '' && !/^\.|[/\\:]/.test(name) && printable(name) === name;
  return isName ? name : packed.replace(/\.tsr$/i, '').concat('.unpacked');
}
