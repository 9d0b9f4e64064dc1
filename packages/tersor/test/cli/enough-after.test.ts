import { setTimeout as after } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { enoughAfter } from '../../src/cli/compress-flags.ts';

it('is enough when the time is up, whatever was collected meanwhile', async () => {
  const signal = enoughAfter(0.05, new AbortController().signal);
  expect(signal.aborted).toBe(false);
  await after(100);
  expect(signal.aborted).toBe(true);
});

it('is enough on request, before the time and without one', () => {
  const asked = new AbortController();
  const [timed, untimed] = [enoughAfter(1000, asked.signal), enoughAfter(undefined, asked.signal)];
  asked.abort();
  expect([timed.aborted, untimed.aborted]).toEqual([true, true]);
});
