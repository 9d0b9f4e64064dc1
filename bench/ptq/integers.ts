import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTersor } from '../main/run-tersor.ts';
import { benchModels } from '../models.ts';
import type { Scores } from '../tasks/task.ts';

const MODELS = ['ocr-det', 'ocr-rec', 'mobilenet-v2', 'efficientnet-lite0'];

export interface IntegerRow {
  readonly model: string;
  readonly bytes: number;
  /** Over the original's, on one thread, as the command measures it. */
  readonly latency: number;
  readonly before: Scores;
  readonly after: Scores;
  /** See `Task.loss`. */
  readonly loss: number;
}

/** @param only  the name of a model */
export async function* integerRows(only?: string): AsyncGenerator<IntegerRow> {
  for (const { name, path, task } of benchModels()) {
    if (!task || !MODELS.includes(name) || (only !== undefined && only !== name)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
    const output = join(folder, 'output.onnx');
    try {
      const data = await task.choose(mkdtempSync(join(folder, 'data-')));
      const { report, problem } = await runTersor(['static-int8', ...data, '--no-repair'], path, output);
      if (!report || problem) throw new Error(`${name}: ${problem ?? 'no report'}`);
      const [before, after] = [await task.score(path, path), await task.score(output, path)];
      const latency = report.speed?.ratio ?? Number.NaN;
      yield { model: name, bytes: statSync(output).size, latency, before, after, loss: task.loss(before, after) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
