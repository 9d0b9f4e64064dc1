import pc from 'picocolors';
import type { Declarations } from '../core/parse-recipe.ts';
import type { Library } from './library.ts';

export type Colors = ReturnType<typeof pc.createColors>;

/** Where text goes, and what it may look like there. */
export interface Screen {
  write(text: string): void;
  readonly columns: number;
  /** A terminal, on which a line can be rewritten. */
  readonly live: boolean;
  readonly colors: Colors;
}

/** How Ctrl-C reaches work that is going on. */
export interface Interruptions {
  /** Aborted when everything is to be taken back. */
  readonly signal: AbortSignal;
  /** Aborted when it is time to end with what there is. */
  readonly enough: AbortSignal;
}

export interface InterruptibleOptions {
  /** The first Ctrl-C asks the work to end with what it has, and only the second to take it back. */
  readonly keeps?: boolean;
  /** What was written is not taken back: a later run goes on with it. */
  readonly leaves?: boolean;
}

/** All that a command can reach of the world besides files; a test gives another one. */
export interface Shell {
  /** Results. */
  readonly out: Screen;
  /** Progress and messages. */
  readonly err: Screen;
  readonly methods: Declarations;
  /** What does the work. */
  readonly library: Library;
  /** Runs `work` with signals that Ctrl-C aborts; see `interruptible`. */
  interruptible<T>(work: (interruptions: Interruptions) => Promise<T>, options?: InterruptibleOptions): Promise<T>;
}

/** Lines in files and logs have no width of their own; this one shows most names whole. */
const COLUMNS_OF_A_FILE = 100;

type Stream = Pick<NodeJS.WriteStream, 'write'> & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

export function screenOf(stream: Stream, env: Readonly<Record<string, string | undefined>>): Screen {
  const live = stream.isTTY === true && env.TERM !== 'dumb';
  return {
    write: (text) => void stream.write(text),
    get columns() {
      return (stream.isTTY && stream.columns) || COLUMNS_OF_A_FILE;
    },
    live,
    colors: pc.createColors(wantsColor(env) ?? live),
  };
}

/** https://no-color.org and https://force-color.org; undefined when neither says anything. */
function wantsColor({ NO_COLOR, FORCE_COLOR }: Readonly<Record<string, string | undefined>>): boolean | undefined {
  if (NO_COLOR) return false;
  if (FORCE_COLOR === undefined || FORCE_COLOR === '') return undefined;
  return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
}
