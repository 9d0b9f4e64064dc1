/** Lists of arrays by name. Not more than what was put is ever got. */
export interface Arrays {
  /** Undefined for a name that is not known. */
  get(name: string): Promise<readonly Float64Array[] | undefined>;
  put(name: string, arrays: readonly Float64Array[]): Promise<void>;
}

export function arraysInMemory(): Arrays {
  const known = new Map<string, readonly Float64Array[]>();
  return {
    get: async (name) => known.get(name),
    put: async (name, arrays) => void known.set(name, arrays),
  };
}
