import { TersorError } from '../core/error.ts';
import type { OtherWeights } from '../core/other-weights.ts';
import { findSource } from './find-source.ts';
import { openModel } from './open-model.ts';

/** The weights of a model, which is open only while one is loaded. @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED */
export async function openOtherWeights(path: string): Promise<OtherWeights> {
  const source = await findSource(path);
  const { model, close } = await openModel(source);
  await close();
  return {
    weights: new Map([...model.weights].map(([id, { shape, dtype }]) => [id, { shape, dtype }])),
    async load(id) {
      const opened = await openModel(source);
      try {
        const weight = opened.model.weights.get(id);
        if (!weight) throw new TersorError('FILE_CORRUPT', path, `has lost ${id} while it was read`);
        return await weight.load();
      } finally {
        await opened.close();
      }
    },
  };
}
