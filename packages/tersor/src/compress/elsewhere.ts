import type { Engine, Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import { openBrowserEngine } from '../engine/engine-browser-node.ts';
import type { Job } from './job.ts';

/** The original, running. */
export interface Running {
  readonly engine: Engine;
  readonly original: Session;
}

/**
 * The original in a browser, where one was asked for, or the target is one that only browsers have.
 * @returns undefined where nobody asked, or nobody insisted and there is none
 * @throws ENGINE_MISSING when it was asked for by name, MODEL_INVALID, ENGINE_CRASHED, INTERRUPTED
 */
export async function openElsewhere({ asked, target, input, note }: Job): Promise<Running | undefined> {
  const { browser = target === 'webgpu', signal } = asked;
  if (browser === false) return undefined;
  try {
    const engine = await openBrowserEngine({
      target: target === 'webgpu' ? 'webgpu' : 'wasm',
      ...(typeof browser === 'string' && { browser }),
      ...(signal && { signal }),
    });
    try {
      return { engine, original: await engine.open({ path: input.stock }) };
    } catch (error) {
      await engine.close();
      throw error;
    }
  } catch (error) {
    if (asked.browser !== undefined || !(error instanceof TersorError) || error.code !== 'ENGINE_MISSING') throw error;
    note(target, `not proven in a browser: ${error.where}: ${error.what}${error.hint && `; ${error.hint}`}`);
    return undefined;
  }
}
