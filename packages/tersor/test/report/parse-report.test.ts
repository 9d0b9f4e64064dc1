import { expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { parseReport } from '../../src/report/parse-report.ts';
import { REPORT } from '../cli/samples.ts';

const GOOD: Report = {
  ...REPORT,
  resultBytes: 22_861_004,
  output: { path: 'minilm.min.onnx', format: 'onnx', bytes: 22_861_004, sha256: '0a'.repeat(32) },
  conditions: { seed: 3, budget: { drop: 0.01 }, data: 'calib.npz', preprocess: 'size=x48', samples: 64, outputs: { logits: 'classes' } },
};

it('takes what checking needs, and no more', () => {
  expect(parseReport(JSON.parse(JSON.stringify(GOOD)))).toEqual({
    target: 'node',
    input: { path: 'models/minilm.onnx', bytes: 90_387_630 },
    resultBytes: 22_861_004,
    sha256: '0a'.repeat(32),
    evidence: 'data',
    conditions: GOOD.conditions,
    promises: REPORT.promises.map(({ name, actual }) => ({ name, actual })),
  });
});

it.each<[string, unknown, string]>([
  ['a list', [], 'report: is []\n  it is an object'],
  ['a recipe', REPORT.recipe, 'report outcome: is missing'],
  ['a plan', { ...GOOD, outcome: 'planned' }, 'no file was made'],
  ['a report of an older version', REPORT, 'has no conditions'],
  ['a negative size', { ...GOOD, resultBytes: -1 }, 'report resultBytes: is -1'],
  ['a size that is no number', { ...GOOD, input: { path: 'a', bytes: '1' } }, 'report input.bytes: is "1"'],
  ['a hash of another kind', { ...GOOD, output: { sha256: '0A'.repeat(32) } }, '64 hexadecimal digits'],
  ['a seed beyond 32 bits', { ...GOOD, conditions: { seed: 2 ** 32, budget: {} } }, 'report conditions seed: is 4294967296'],
  ['an endless budget', { ...GOOD, conditions: { seed: 0, budget: { drop: 'Infinity' } } }, 'report conditions budget drop'],
  ['an unknown promise', { ...GOOD, promises: [{ name: 'nice', actual: 'yes' }] }, 'report promises[0].name: is "nice"'],
  ['an unknown kind of output', { ...GOOD, conditions: { seed: 0, budget: {}, outputs: { x: 'y' } } }, 'classes | value | state'],
])('refuses %s', (_, json, message) => {
  expect(() => parseReport(json)).toThrow(expect.objectContaining({ code: 'REPORT_INVALID', message: expect.stringContaining(message) }));
});
