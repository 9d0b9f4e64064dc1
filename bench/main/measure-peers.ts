import type { BenchModel } from '../models.ts';
import type { Compressors } from '../peers/compressors.ts';
import { bytesOf, type Judge } from './judge-file.ts';
import type { Row } from './table.ts';

/** What tools that calibrate are given. */
const CALIBRATION = 32;
/** Sizes that differ by less are the same: nothing was done. */
const SAME = 0.03;

/**
 * What Python's tools make of a model, judged as ours.
 * @param only  the name of a tool
 */
export async function* measurePeers(
  { name, path, task }: BenchModel,
  compressors: Compressors,
  judge: Judge,
  only?: string,
): AsyncGenerator<Row> {
  const calibration = task ? await task.inputs('choose', CALIBRATION) : [];
  const original = bytesOf(path);
  for await (const { label, path: output, seconds, memory, problem, note } of compressors.compress(path, calibration, only)) {
    const row = { model: name, by: label, isPeer: true, seconds, memory, measures: [], ...(note && { note }) };
    if (problem) {
      yield { ...row, bytes: [original, Number.NaN], problem };
      continue;
    }
    const bytes = [original, bytesOf(output)] as const;
    const idle = bytes[1] > original * (1 + SAME) ? 'larger' : bytes[1] > original * (1 - SAME) ? 'no-op' : undefined;
    try {
      yield { ...row, bytes, ...(await judge.judge(output)), ...(idle && { problem: idle }) };
    } catch (error) {
      yield { ...row, bytes, problem: `does not run: ${firstLine(error)}` };
    }
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
