/** What was computed, as long as there is room for it. */
export interface Memo {
  /**
   * @param name  tells everything that the value depends on
   * @param bytesOf  what it takes in memory
   */
  recall<T>(name: string, make: () => Promise<T>, bytesOf: (value: T) => number): Promise<T>;
}

/** Keeps at most `maxBytes`; what was not asked for the longest goes first. What fails is forgotten. */
export function openMemo(maxBytes: number): Memo {
  const known = new Map<string, { readonly value: Promise<unknown>; bytes: number }>();
  let total = 0;
  const forget = (name: string) => {
    total -= known.get(name)?.bytes ?? 0;
    known.delete(name);
  };
  return {
    recall<T>(name: string, make: () => Promise<T>, bytesOf: (value: T) => number): Promise<T> {
      const found = known.get(name);
      if (found) {
        known.delete(name);
        known.set(name, found);
        return found.value as Promise<T>;
      }
      const value = make();
      const entry = { value, bytes: 0 };
      known.set(name, entry);
      const settle = (made: T) => {
        if (known.get(name) !== entry) return;
        entry.bytes = bytesOf(made);
        total += entry.bytes;
        for (const oldest of known.keys()) {
          if (total <= maxBytes) break;
          forget(oldest);
        }
      };
      value.then(settle, () => known.get(name) === entry && forget(name));
      return value;
    },
  };
}
