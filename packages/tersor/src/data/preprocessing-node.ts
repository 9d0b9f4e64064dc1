import { readBesideModel } from './beside-model-node.ts';
import type { Preprocess } from './preprocess.ts';
import { fromPreprocessorConfig } from './preprocessor-config.ts';
import type { Reading } from './reading.ts';

/**
 * What the user says goes before what the model's file says.
 * @returns the settings, and where they come from in words
 * @throws DATA_INVALID
 */
export async function preprocessing({ preprocess, model }: Pick<Reading, 'preprocess' | 'model'>): Promise<{
  readonly preprocess: Preprocess;
  readonly from: string;
}> {
  const config = model === undefined ? undefined : await readBesideModel(model, 'preprocessor_config.json');
  const stated = config ? fromPreprocessorConfig(config) : {};
  const sources = [...(config ? ['preprocessor_config.json'] : []), ...(preprocess ? ['--preprocess'] : [])];
  return { preprocess: { ...stated, ...preprocess }, from: sources.join(' and ') };
}
