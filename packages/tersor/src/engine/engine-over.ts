import type { Engine, ModelSource, Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { Asks, Task } from './asks.ts';

/** A runtime somewhere else that answers questions. */
export interface Host extends Pick<Asks, 'ask'> {
  /** How the host finds the model. */
  reach(model: ModelSource): ModelSource;
  ended(): boolean;
  end(): Promise<void>;
}

/** What the runtime says of itself; see `Engine`. */
export type About = Pick<Engine, 'name' | 'notice'>;

export function engineOver(host: Host, { name, notice }: About): Engine {
  const ids = new WeakMap<Session, number>();
  const idOf = (session: Session) => {
    const id = ids.get(session);
    if (id === undefined) throw new TersorError('USAGE', name, 'the session belongs to another engine');
    return id;
  };
  return {
    name,
    ...(notice !== undefined && { notice }),
    async open(model, options = {}) {
      const where = 'path' in model ? (model.path.split(/[\\/]/).at(-1) ?? model.path) : 'model';
      const running: Task = { where, doing: 'running', refused: 'RUN_FAILED' };
      const opened = await host.ask('open', { model: host.reach(model), options }, { where, doing: 'opening', refused: 'MODEL_INVALID' });
      const id = opened.session;
      const session: Session = {
        inputs: opened.inputs,
        outputs: opened.outputs,
        hold: (values) => host.ask('hold', { session: id, values }, running),
        run: (feeds, outputs) => host.ask('run', { session: id, feeds, ...(outputs && { outputs }) }, running),
        runSteps: (steps, links) => host.ask('steps', { session: id, steps, links }, running),
        close: () => (host.ended() ? Promise.resolve() : host.ask('release', { session: id }, { ...running, doing: 'closing' })),
      };
      ids.set(session, id);
      return session;
    },
    race: (sessions, feeds, { rounds, warmup }) =>
      host.ask('race', { sessions: sessions.map(idOf), feeds, rounds, warmup }, { where: name, doing: 'timing', refused: 'RUN_FAILED' }),
    fold: (parts, steps, links, folds) =>
      host.ask('fold', { parts: parts.map(idOf), steps, links, folds }, { where: name, doing: 'observing', refused: 'RUN_FAILED' }),
    folded: (session, fold) =>
      host.ask('folded', { session: idOf(session), fold }, { where: name, doing: 'observing', refused: 'RUN_FAILED' }),
    peakMemory: () => host.ask('memory', {}, { where: name, doing: 'measuring memory', refused: 'INTERNAL' }),
    close: () => host.end(),
  };
}

/** An end that nobody asked for. @param printed the last that the runtime said */
export function crashed({ where, doing }: Task, how: string, printed = ''): TersorError {
  const hint = how.includes('SIGKILL') ? 'the system may have run out of memory' : '';
  return new TersorError('ENGINE_CRASHED', where, `the runtime died while ${doing} (${how})${printed && `\n${printed}`}`, hint);
}
