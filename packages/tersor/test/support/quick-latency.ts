type Latency = typeof import('../../src/evaluate/latency.ts');

/** For `vi.mock` where how long models take is no part of the test: they are timed, but not until it is certain. */
export async function quickLatency(original: () => Promise<Latency>): Promise<Latency> {
  const { latency, ...rest } = await original();
  return { ...rest, latency: (engine, before, after, shapes) => latency(engine, before, after, shapes, { maxRounds: 20, maxMs: 0 }) };
}
