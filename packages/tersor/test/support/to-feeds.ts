import type { Feeds, Value } from '../../src/core/engine.ts';
import type { TestFeed } from './runtimes.ts';

const DTYPES = { float32: 'f32', int64: 'i64', bool: 'bool' } as const;

export function toFeeds(feeds: Readonly<Record<string, TestFeed>>): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, shape, data }]): [string, Value] => [name, { dtype: DTYPES[type], shape, data }]),
  );
}
