import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Measured {
  readonly status: number | null;
  readonly seconds: number;
  /** Of all processors, as far as it was seen. */
  readonly processorSeconds: number;
  /** Peak of the resident memory of all processes together, as sampled, and that of the largest alone, as the system counted it. */
  readonly memory: number;
  readonly largest: number;
  readonly output: string;
}

/**
 * Runs a command where it and what it starts get no more than `most` bytes of memory, where the system lets us say so (a control group, which takes root):
 * the pages of files that it reads and writes count, too.
 */
export async function runCapped(command: string, args: readonly string[], most: number): Promise<Measured & { readonly capped: boolean }> {
  const group = openGroup(most);
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  if (group !== undefined && child.pid !== undefined) writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  let [memory, largest, processorSeconds] = [0, 0, 0];
  const sampling = setInterval(() => {
    const family = child.pid === undefined ? [] : familyOf(child.pid);
    memory = Math.max(
      memory,
      family.reduce((sum, pid) => sum + fieldOf(pid, 'VmRSS'), 0),
    );
    processorSeconds = Math.max(
      processorSeconds,
      family.reduce((sum, pid) => sum + processorSecondsOf(pid), 0),
    );
    largest = Math.max(largest, ...family.map((pid) => fieldOf(pid, 'VmHWM')));
  }, 50);
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(sampling);
  if (group !== undefined) rmdirSync(group);
  return {
    status,
    seconds: (performance.now() - start) / 1000,
    processorSeconds,
    memory: Math.max(memory, largest),
    largest,
    output,
    capped: group !== undefined,
  };
}

/** Of either version of control groups; undefined where none can be made. */
function openGroup(most: number): string | undefined {
  for (const [root, limit] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    if (!existsSync(join(root, limit)) && !existsSync(join(root, 'cgroup.controllers'))) continue;
    const group = join(root, `tersor-bench-${process.pid}`);
    try {
      mkdirSync(group);
      writeFileSync(join(group, limit), String(most));
      return group;
    } catch {
      if (existsSync(group)) rmdirSync(group);
    }
  }
  return undefined;
}

/** A process and those that it started. */
function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`, { withFileTypes: false }).flatMap((task) =>
    textOf(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap((child) => (existsSync(`/proc/${child}/task`) ? familyOf(child) : []))];
}

/** A line of a process's status, in bytes. */
function fieldOf(pid: number, name: string): number {
  const [, kilobytes = '0'] = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(textOf(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1024;
}

/** Linux counts in hundredths. */
function processorSecondsOf(pid: number): number {
  const fields = textOf(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it ended
  }
}
