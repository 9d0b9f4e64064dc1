import { openModel } from './compress/open-model.ts';
import { recipeInside } from './compress/recipe-in-file.ts';
import { inspectModel } from './core/inspect-model.ts';
import type { Inspection } from './core/inspection.ts';

/**
 * What is inside a model: inputs and outputs, operators, weights and where the bytes are. Reads the header, no weights.
 *
 * @throws {TersorError} FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED
 */
export async function inspect(input: string): Promise<Inspection> {
  const { model, format, path, bytes, close } = await openModel(input);
  try {
    const recipe = recipeInside(model);
    const sizes = model.graph ? undefined : (await format.size(model, 'node')).weights;
    return { ...(await inspectModel(model, { path, bytes }, await format.lift(model), sizes)), ...(recipe && { recipe }) };
  } finally {
    await close();
  }
}
