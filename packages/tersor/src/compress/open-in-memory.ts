import type { Engine, Session } from '../core/engine.ts';
import type { Model } from '../core/model.ts';
import { openMemory } from '../io/memory-store.ts';
import type { Job } from './job.ts';

/** A model that no file holds, in the runtime. For models that are small, or whose weights are inputs. @throws MODEL_INVALID */
export async function openInMemory(job: Job, engine: Engine, model: Model): Promise<Session> {
  const store = openMemory();
  await job.input.format.write(model, store, 'model', { target: job.target, kernels: job.kernels });
  await store.commit();
  const source = await store.open('model');
  return engine.open({ bytes: await source.read(0, source.size) });
}
