/** What is kept of downloads, between visits. */
export interface Cached {
  /** What was kept; absent where there is none. */
  readonly response?: Response;
  /** Headers of a request for what is newer. */
  readonly condition: Readonly<Record<string, string>>;
  /** Keeps a download while it comes. */
  keep(like: Response): Keeper;
  forget(): Promise<void>;
}

export interface Keeper {
  /** Waits until there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** It was whole and right. Resolves when it is kept, or cannot be. */
  close(): Promise<void>;
  /** It was not: nothing is kept. */
  abort(): void;
}

const CONDITIONS = { etag: 'If-None-Match', 'last-modified': 'If-Modified-Since' } as const;

/** The Cache API's, by the url; undefined where there is none: in Node, in pages that are not served securely. Storage that is full keeps nothing. */
export async function cachedIn(name: string, url: string): Promise<Cached | undefined> {
  const cache = await openCache(name);
  if (!cache) return undefined;
  const response = await cache.match(url).catch(() => undefined);
  const [condition] = Object.entries(CONDITIONS).flatMap(([key, header]) => {
    const value = response?.headers.get(key);
    return value ? [{ [header]: value }] : [];
  });
  return {
    ...(response && { response }),
    condition: condition ?? {},
    keep: ({ headers }) => keeper(cache, url, headers),
    forget: async () => void (await cache.delete(url).catch(() => {})),
  };
}

async function openCache(name: string): Promise<Cache | undefined> {
  try {
    return await globalThis.caches?.open(name);
  } catch {
    return undefined;
  }
}

function keeper(cache: Cache, url: string, headers: Headers): Keeper {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const kept = Object.keys(CONDITIONS).flatMap((key) => {
    const value = headers.get(key);
    return value ? [[key, value] as const] : [];
  });
  const length = headers.get('content-encoding') ? null : headers.get('content-length');
  if (length) kept.push(['content-length' as 'etag', length]);
  const over = cache.put(url, new Response(readable, { headers: Object.fromEntries(kept) })).catch(() => {});
  return {
    write: async (bytes) => void (await Promise.race([writer.write(bytes).catch(() => {}), over])),
    async close() {
      await Promise.race([writer.close().catch(() => {}), over]);
      await over;
    },
    abort: () => void writer.abort().catch(() => {}),
  };
}
