import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PredictorReport } from '../../packages/tersor/src/core/sensitivity.ts';
import { sensitivity } from '../../packages/tersor/src/sensitivity.ts';
import { benchModels } from '../models.ts';
import { askedOf } from '../tasks/asked-of.ts';
import { type EqualQuality, equalQuality } from './equal-quality.ts';
import { type SamplingRow, samplingRows } from './sampling.ts';

/** What is shown of one model. */
export interface SensitivityRow {
  readonly model: string;
  readonly layers: number;
  readonly measure: string;
  readonly predictors: readonly Pick<PredictorReport, 'id' | 'correlation' | 'interval' | 'withinSteps'>[];
  readonly sampling: readonly SamplingRow[];
  /** Not for all models. */
  readonly equalQuality?: EqualQuality;
}

const MODELS = ['ocr-rec', 'mobilenet-v2', 'minilm', 'lm'];
const COMPARED = ['ocr-rec', 'mobilenet-v2', 'minilm'];
/** What layers may lose together, when ranking by samples is played back. */
const LIMITS = [0.001, 0.003, 0.01, 0.03, 0.1];

/** Every layer by every step on the choosing half of the task's data. What was measured is kept in the user's cache: a second run takes minutes less. */
export async function* sensitivityRows(only?: string): AsyncGenerator<SensitivityRow> {
  for (const { name, path, task } of benchModels()) {
    if (!task || !MODELS.includes(name) || (only !== undefined && only !== name)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'tersor-search-'));
    try {
      const asked = askedOf(await task.choose(folder));
      const found = await sensitivity(path, asked);
      const quality = COMPARED.includes(name) ? await equalQuality(name, path, asked, found) : undefined;
      yield {
        model: name,
        layers: found.layers.length,
        measure: found.measure,
        predictors: found.predictors.map(({ id, correlation, interval, withinSteps }) => ({
          id,
          ...(correlation !== undefined && { correlation }),
          ...(interval && { interval }),
          ...(withinSteps !== undefined && { withinSteps }),
        })),
        sampling: await samplingRows(name, found, LIMITS),
        ...(quality && { equalQuality: quality }),
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
