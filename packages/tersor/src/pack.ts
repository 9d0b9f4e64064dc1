import { codeFile } from './compress/code-file.ts';
import type { AskedToPack, PackReport } from './core/packing.ts';
import type { Sink } from './core/source.ts';
import type { PackedStream } from './formats/tsr/pack.ts';
import { packedName } from './io/node-paths.ts';
import { openScratch } from './io/node-scratch.ts';
import { openFolder, openNodeStore } from './io/node-store.ts';
import { openKernels } from './kernels/open-kernels.ts';
import { availableThreads } from './kernels/start-worker.ts';

const COPY_BYTES = 2 ** 20;

/**
 * Packs a file into an entropy-coded container that gives back the identical bytes. ONNX, safetensors, GGUF and .npz are coded weight by weight; any other file
 * as plain bytes.
 * @throws FILE_MISSING, FILE_EXISTS, FILE_WRITE, USAGE, INTERRUPTED
 */
export async function pack(input: string, asked: AskedToPack = {}): Promise<PackReport> {
  const began = performance.now();
  const { threads = availableThreads(), signal, onProgress, dryRun = false, force = false, profile = 'default' } = asked;
  const target = asked.out ?? packedName(input);
  const { store, name } = await openFolder(input);
  const scratch = dryRun ? undefined : await openScratch(target, { force, inputs: [input] });
  const kernels = await openKernels({ threads });
  try {
    const attempt = await scratch?.attempt();
    const source = await store.open(name);
    const job = { kernels, profile, atOnce: threads + 1, ...(signal && { signal }), ...(onProgress && { onProgress }) };
    const { header, streams, bytes, sha256, note } = await writing(attempt, scratch?.name ?? '', (sink) =>
      codeFile(input, source, job, sink),
    );
    if (scratch && attempt) {
      await scratch.hold(attempt);
      const final = await scratch.attempt();
      await writing(final, scratch.name, (sink) => join(header, attempt, scratch.name, sink));
      await scratch.publish(final);
    }
    return {
      input: { path: input, bytes: source.size, sha256 },
      output: { ...(scratch && { path: target }), bytes },
      headerBytes: header.length,
      streams: streams.filter(({ plan }) => plan.bytes > 0).map(reportOf),
      ...(note !== undefined && { note }),
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await kernels.close();
    await scratch?.remove();
    await store.close();
  }
}

/** Runs `work` with a file that is kept whole or not at all; without a folder with one that forgets everything. */
async function writing<T>(folder: string | undefined, name: string, work: (sink: Pick<Sink, 'write'>) => Promise<T>): Promise<T> {
  if (folder === undefined) return work({ write: async () => {} });
  const store = openNodeStore(folder);
  try {
    const result = await work(await store.create(name));
    await store.commit();
    return result;
  } catch (error) {
    await store.discard();
    throw error;
  }
}

/** The header, and the chunks behind it. */
async function join(header: Uint8Array, folder: string, name: string, sink: Pick<Sink, 'write'>): Promise<void> {
  const store = openNodeStore(folder);
  try {
    const chunks = await store.open(name);
    await sink.write(header);
    for (let at = 0; at < chunks.size; at += COPY_BYTES) await sink.write(await chunks.read(at, Math.min(COPY_BYTES, chunks.size - at)));
  } finally {
    await store.close();
  }
}

function reportOf({ plan, length, forms }: PackedStream): PackReport['streams'][number] {
  const names = [...forms].sort(([, a], [, b]) => b - a).map(([form]) => form);
  return { name: plan.name, type: plan.type, bytes: plan.bytes, packed: length, forms: names };
}
