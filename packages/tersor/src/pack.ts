import { openBase } from './compress/open-base.ts';
import { writePacked } from './compress/packed-file.ts';
import { TersorError } from './core/error.ts';
import type { AskedToPack, PackReport } from './core/packing.ts';
import type { PackedStream } from './formats/tsr/pack.ts';
import { MAGIC } from './formats/tsr/write-header.ts';
import { packedName } from './io/node-paths.ts';
import { openScratch } from './io/node-scratch.ts';
import { openFolder } from './io/node-store.ts';
import { openKernels } from './kernels/open-kernels.ts';
import { availableThreads } from './kernels/start-worker.ts';

/**
 * Packs a file into an entropy-coded container that gives back the identical bytes. ONNX, safetensors, GGUF and .npz are coded weight by weight; any other file
 * as plain bytes. With a base, weights are coded as what differs from those of the base that they resemble, wherever that is smaller.
 * @throws FILE_MISSING, FILE_EXISTS, FILE_WRITE, USAGE, INTERRUPTED
 */
export async function pack(input: string, asked: AskedToPack = {}): Promise<PackReport> {
  const began = performance.now();
  const { threads = availableThreads(), signal, onProgress, dryRun = false, force = false, profile = 'default' } = asked;
  const target = asked.out ?? packedName(input);
  if (asked.base !== undefined && asked.nested !== undefined)
    throw new TersorError('USAGE', input, 'nested bits, and a difference to a base', 'leave out one of them');
  const { store, name } = await openFolder(input);
  const base = asked.base === undefined ? undefined : await openBase(asked.base);
  const inputs = [input, ...(base?.files.map(({ path }) => path) ?? [])];
  const scratch = dryRun ? undefined : await openScratch(target, { force, inputs });
  const kernels = await openKernels({ threads });
  try {
    const first = await scratch?.attempt();
    const source = await store.open(name);
    const beginning = await source.read(0, Math.min(source.size, MAGIC.length));
    if (MAGIC.every((byte, i) => beginning[i] === byte))
      throw new TersorError('USAGE', input, 'is packed already', 'for another profile or name: tersor unpack, then pack');
    const job = {
      kernels,
      profile,
      atOnce: threads + 1,
      ...(base && { base }),
      ...(asked.nested !== undefined && { nested: asked.nested }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    };
    const chunks = scratch && first !== undefined ? { folder: first, name: scratch.name } : undefined;
    let final: string | undefined;
    const {
      header,
      streams,
      bytes,
      sha256,
      note,
      base: on,
    } = await writePacked(input, source, job, chunks, async () => {
      if (!scratch || !chunks) return undefined;
      await scratch.hold(chunks.folder);
      final = await scratch.attempt();
      return { folder: final, name: scratch.name };
    });
    if (scratch && final !== undefined) await scratch.publish(final);
    return {
      input: { path: input, bytes: source.size, sha256 },
      output: { ...(scratch && { path: target }), bytes },
      ...(on && { base: on.map((file) => ({ ...file, sha256: Buffer.from(file.sha256).toString('hex') })) }),
      headerBytes: header.length,
      streams: streams.filter(({ plan }) => plan.bytes > 0).map(reportOf),
      ...(note !== undefined && { note }),
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await kernels.close();
    await scratch?.remove();
    await base?.close();
    await store.close();
  }
}

function reportOf({ plan, length, forms }: PackedStream): PackReport['streams'][number] {
  const names = [...forms].sort(([, a], [, b]) => b - a).map(([form]) => form);
  return { name: plan.name, type: plan.type, bytes: plan.bytes, packed: length, forms: names };
}
