import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJudge } from '../main/judge-file.ts';
import { measureOurs } from '../main/measure-ours.ts';
import { measurePeers } from '../main/measure-peers.ts';
import type { Row } from '../main/table.ts';
import { benchModels } from '../models.ts';
import { openCompressors } from '../peers/compressors.ts';

const MODELS = ['ocr-det', 'ocr-rec', 'mobilenet-v2', 'efficientnet-lite0'];
const [MOST_LATENCY, MOST_LOSS] = [0.7, 0.01];

/** Integers where they pay, and floats where they would hurt. */
const SOUGHT = { command: ['--max-latency', `${MOST_LATENCY}x`, '--max-drop', `${100 * MOST_LOSS}%`], data: true };
const EVERYWHERE = { command: ['static-int8', '--no-repair'], data: true };

/**
 * By the main job, by static integers wherever they can be, and by onnxruntime's own tool.
 * @param only  the name of a model
 */
export async function* integerRows(only?: string): AsyncGenerator<Row> {
  const compressors = openCompressors();
  const folder = mkdtempSync(join(tmpdir(), 'tersor-bench-'));
  try {
    for (const model of benchModels()) {
      if (!model.task || !MODELS.includes(model.name) || (only !== undefined && only !== model.name)) continue;
      const judge = await openJudge(model, model.task);
      try {
        const sought = await measureOurs(model, SOUGHT, folder, judge, false);
        yield { ...sought, measures: [{ says: `latency <= ${MOST_LATENCY}x, loss <= ${MOST_LOSS}`, met: isShown(sought) }] };
        yield await measureOurs(model, EVERYWHERE, folder, judge, false);
        if (compressors) yield* measurePeers(model, compressors, judge, 'static-int8');
      } finally {
        await judge.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isShown({ loss = Number.POSITIVE_INFINITY, latency = Number.POSITIVE_INFINITY }: Row): boolean {
  return latency <= MOST_LATENCY && loss <= MOST_LOSS;
}
