import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A Python process that times its own cases, one at a time, when asked. */
export interface Peer {
  readonly versions: Readonly<Record<string, string>>;
  /** Peers that are not there, and why. */
  readonly missing: Readonly<Record<string, string>>;
  readonly cases: readonly string[];
  ask(name: string): Promise<{ readonly seconds: number; readonly sha256: string | null }>;
  close(): Promise<void>;
}

/** Starts a peer script. It says in its first line which cases it has, and answers every line with one line of JSON. */
export async function startPeer(python: string, script: URL, args: readonly string[]): Promise<Peer> {
  const child = spawn(python, [fileURLToPath(script), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the peer process ended early');
    return JSON.parse(value);
  };
  return {
    ...(await read()),
    async ask(name) {
      child.stdin.write(`${name}\n`);
      return read();
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
