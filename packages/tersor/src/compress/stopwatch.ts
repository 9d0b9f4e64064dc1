/** Seconds spent, by name; a name that comes again adds up. */
export interface Stopwatch {
  time<T>(name: string, work: () => Promise<T>): Promise<T>;
  seconds(): Readonly<Record<string, number>>;
}

export function startStopwatch(): Stopwatch {
  const start = performance.now();
  const spent: Record<string, number> = {};
  return {
    async time(name, work) {
      const from = performance.now();
      try {
        return await work();
      } finally {
        spent[name] = (spent[name] ?? 0) + (performance.now() - from) / 1000;
      }
    },
    seconds: () => ({ ...spent, total: (performance.now() - start) / 1000 }),
  };
}
