import { type ErrorCode, TersorError } from '../core/error.ts';
import type { Answer, Ask, Kind, Message, Reply } from './protocol.ts';
import { cleanWords } from './words.ts';

/** What a host was asked, for its errors. */
export interface Task {
  /** The model, for people. */
  readonly where: string;
  /** "opening", "running": what was going on. */
  readonly doing: string;
  /** The error that the runtime's refusal is. */
  readonly refused: ErrorCode;
}

interface Pending extends Task {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: TersorError) => void;
}

/** The questions that a host has not answered yet. */
export interface Asks {
  ask<K extends Kind>(kind: K, ask: Ask<K>, task: Task): Promise<Answer<K>>;
  settle(reply: Reply): void;
  /** From now on every question, those that wait included, is answered by this error; the first reason stays. */
  fail(why: (task: Task) => TersorError): void;
  failed(): boolean;
  readonly waiting: number;
}

export function openAsks(send: (message: Message) => void): Asks {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let over: ((task: Task) => TersorError) | undefined;
  return {
    ask<K extends Kind>(kind: K, ask: Ask<K>, task: Task): Promise<Answer<K>> {
      return new Promise((resolve, reject) => {
        if (over) return reject(over(task));
        const id = ++lastId;
        // The host is our own code, and `Requests` is what both sides are checked against.
        pending.set(id, { ...task, resolve: (value) => resolve(value as Answer<K>), reject });
        send({ id, kind, ...ask } as unknown as Message);
      });
    },
    settle(reply) {
      const task = pending.get(reply.id);
      pending.delete(reply.id);
      if (!task) return;
      if ('value' in reply) task.resolve(reply.value);
      else task.reject(new TersorError(task.refused, task.where, cleanWords(reply.error)));
    },
    fail(why) {
      over ??= why;
      for (const { reject, ...task } of pending.values()) reject(over(task));
      pending.clear();
    },
    failed: () => over !== undefined,
    get waiting() {
      return pending.size;
    },
  };
}
