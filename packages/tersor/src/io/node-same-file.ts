import { stat } from 'node:fs/promises';
import { TersorError } from '../core/error.ts';

/**
 * The input is read while the output is written, and is all there is to go back to: it is never replaced, not even when overwriting is
 * allowed, and not through a link either.
 * @throws USAGE
 */
export async function mustNotBeInput(inputs: readonly string[], output: string): Promise<void> {
  const same = await Promise.all(inputs.map((input) => isSameFile(input, output)));
  if (!same.includes(true)) return;
  throw new TersorError('USAGE', output, 'is the input itself, which is never overwritten', 'choose another name');
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([identity(a), identity(b)]);
  return one !== undefined && one === other;
}

async function identity(path: string): Promise<string | undefined> {
  const { dev, ino } = await stat(path, { bigint: true }).catch(() => ({ dev: 0n, ino: 0n }));
  return ino === 0n ? undefined : `${dev}:${ino}`;
}
