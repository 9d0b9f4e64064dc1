import { expect, it } from 'vitest';
import type { Job } from '../../src/compress/job.ts';
import { parted, preparationOf } from '../../src/compress/preparation.ts';
import { toSteps } from '../../src/compress/recipes.ts';
import type { Candidate } from '../../src/core/candidate.ts';

const AWQ = { use: 'awq', bits: 4 };
const FOUR = { use: 'gptq', bits: 4 };
const EIGHT = { use: 'rtn', bits: 8 };

it('tells what changes the whole model from what is chosen for each layer', () => {
  expect(parted([AWQ, FOUR])).toEqual({ first: [AWQ], rest: [FOUR] });
  expect(parted([EIGHT])).toEqual({ first: [], rest: [EIGHT] });
  expect(parted([{ use: 'fp16' }, EIGHT]).first).toEqual([]);
  expect(parted([AWQ])).toEqual({ first: [AWQ], rest: [] });
});

it('is the same for all that is tried', () => {
  expect(
    preparationOf([
      [AWQ, FOUR],
      [AWQ, EIGHT],
    ]),
  ).toEqual([AWQ]);
  expect(() => preparationOf([[AWQ, FOUR], [EIGHT]])).toThrow(/is to be the same in all that is tried, and there are awq and nothing/);
});

it('is nothing that comes late', () => {
  const chain = [EIGHT, { use: 'compensate-low-rank' }];
  expect(() => preparationOf([chain])).toThrow(/compensate-low-rank changes more than a weight/);
});

it('goes before the steps of layers in a recipe, once', () => {
  const candidate = (id: string, steps?: Candidate['steps']) =>
    ({ layer: { weight: { id } }, bytes: 1, memory: 1, error: 0, ...(steps && { steps }) }) as unknown as Candidate;
  const job = (packs: boolean) => ({ packs, input: { format: { id: 'onnx' } } }) as unknown as Job;
  const steps = (packs: boolean) => toSteps(job(packs), [candidate('a', [AWQ, FOUR]), candidate('b', [AWQ, EIGHT]), candidate('c')]);
  const [clean, ...rest] = steps(false);
  expect(clean).toEqual({ use: 'clean', large: true });
  expect(rest).toEqual([AWQ, { ...FOUR, where: [{ name: 'a' }] }, { ...EIGHT, where: [{ name: 'b' }] }]);
  expect(steps(true)).toEqual([clean, { use: 'bitround' }, ...rest]);
});
