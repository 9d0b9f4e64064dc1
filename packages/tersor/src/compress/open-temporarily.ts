import type { Engine, Session, SessionOptions } from '../core/engine.ts';
import type { Format, Target } from '../core/format.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Model } from '../core/model.ts';
import { openNodeStore } from '../io/node-store.ts';
import { openTemporaryFolder } from '../io/node-temporary.ts';

/**
 * A session of a model that is nobody's result: written where the system keeps such files, and gone when it is closed.
 * @throws FILE_WRITE, MODEL_INVALID, INTERRUPTED
 */
export async function openTemporarily(
  engine: Engine,
  model: Model,
  {
    format,
    target,
    kernels,
    signal,
  }: { readonly format: Format; readonly target: Target; readonly kernels: Kernels; readonly signal?: AbortSignal },
  options?: SessionOptions,
): Promise<{ readonly session: Session; close(): Promise<void> }> {
  const folder = await openTemporaryFolder();
  const store = openNodeStore(folder.path);
  try {
    await format.write(model, store, 'model.onnx', { target, kernels, ...(signal && { signal }) });
    await store.commit();
    const session = await engine.open({ path: `${folder.path}/model.onnx` }, options);
    return {
      session,
      async close() {
        try {
          await session.close();
        } finally {
          await folder.remove();
        }
      },
    };
  } catch (error) {
    await store.discard();
    await folder.remove();
    throw error;
  } finally {
    await store.close();
  }
}
