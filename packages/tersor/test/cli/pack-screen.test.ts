import { expect, it } from 'vitest';
import { packScreen } from '../../src/cli/screens/pack-screen.ts';
import { fakeScreen } from './fake-shell.ts';

it('says of an empty file what its container takes, and no share of nothing', () => {
  const report = {
    input: { path: 'empty', bytes: 0, sha256: '' },
    output: { path: 'empty.tsr', bytes: 76 },
    headerBytes: 76,
    streams: [],
    seconds: 0.1,
  };
  const lines = packScreen(report, fakeScreen(), false).split('\n');
  expect(lines[0]).toBe('empty  0 B → 76 B  100 ms, 0 B/s');
  expect(lines.filter((line) => line.startsWith('weight'))).toEqual([]);
});
