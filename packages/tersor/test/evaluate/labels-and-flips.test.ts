import { describe, expect, it } from 'vitest';
import type { Feeds } from '../../src/core/engine.ts';
import type { Sample } from '../../src/core/samples.ts';
import { openJudge } from '../../src/evaluate/judge.ts';
import type { OutputKind } from '../../src/evaluate/output-kinds.ts';

const output = (shape: number[], data: number[]): Feeds => ({ y: { dtype: 'f32', shape, data: Float32Array.from(data) } });
const kinds = (kind: OutputKind['kind']) => new Map([['y', { kind, axis: -1, because: 'test' }]]);
const about = (samples: readonly Sample[], classes?: readonly string[]) => ({
  evidence: 'data' as const,
  source: 'x',
  samples,
  ...(classes && { classes }),
});
const sample = (id: string, ...labels: (string | number)[]): Sample => ({ id, steps: [{}], ...(labels.length > 0 && { labels }) });

describe('flips', () => {
  it('are listed by how sure the original was, with both answers', () => {
    const judge = openJudge(kinds('classes'));
    judge.add(0, output([1, 3], [0.4, 0.35, 0.25]), output([1, 3], [0.3, 0.5, 0.2]), {});
    judge.add(1, output([1, 3], [0.9, 0.05, 0.05]), output([1, 3], [0.2, 0.2, 0.6]), {});
    judge.add(2, output([1, 3], [0.9, 0.05, 0.05]), output([1, 3], [0.8, 0.1, 0.1]), {});
    const { worst } = judge.report(about([sample('a.png'), sample('b.png', 0), sample('c.png')], ['cat', 'dog', 'eel']));
    expect(worst).toEqual([
      {
        id: 'b.png',
        output: 'y',
        at: [0],
        changed: 1,
        decisions: 1,
        before: { class: 0, name: 'cat', value: expect.closeTo(0.9, 5) },
        after: { class: 2, name: 'eel', value: expect.closeTo(0.6, 5) },
        labels: [0],
      },
      expect.objectContaining({ id: 'a.png', after: { class: 1, name: 'dog', value: expect.closeTo(0.5, 5) } }),
    ]);
  });

  it('say where in a sequence they are', () => {
    const judge = openJudge(kinds('classes'));
    judge.add(0, output([1, 2, 2], [1, 0, 1, 0]), output([1, 2, 2], [1, 0, 1, 0]), {});
    judge.add(0, output([1, 2, 2], [1, 0, 1, 0]), output([1, 2, 2], [1, 0, 0, 1]), {});
    const { worst } = judge.report(about([{ id: 'clip.wav', steps: [{}, {}] }]));
    expect(worst).toMatchObject([{ id: 'clip.wav', step: 1, at: [0, 1], changed: 1, decisions: 4 }]);
  });

  it('are none where nothing changed', () => {
    const judge = openJudge(kinds('classes'));
    judge.add(0, output([1, 2], [1, 0]), output([1, 2], [0.8, 0.2]), {});
    expect(judge.report(about([sample('a')]))).not.toHaveProperty('worst');
  });
});

it('numbers are listed by their error, with the one that changed most', () => {
  const judge = openJudge(kinds('value'));
  judge.add(0, output([2, 2], [1, 2, 3, 4]), output([2, 2], [1, 2, 3, 4.1]), {});
  judge.add(1, output([2, 2], [0, 3, 0, 4]), output([2, 2], [0, 3, 2, 4]), {});
  const { worst } = judge.report(about([sample('a'), sample('b')]));
  expect(worst?.map(({ id, at, before, after, error }) => [id, at, before.value, after.value, error])).toEqual([
    ['b', [1, 0], 0, 2, expect.closeTo(0.4, 6)],
    ['a', [1, 1], 4, expect.closeTo(4.1, 6), expect.closeTo(0.1 / Math.sqrt(30), 6)],
  ]);
});

describe('labels', () => {
  const judged = (labels: readonly (readonly (string | number)[])[], classes?: readonly string[]) => {
    const judge = openJudge(kinds('classes'));
    const [cat, dog] = [output([1, 2], [1, 0]), output([1, 2], [0, 1])];
    judge.add(0, cat, cat, {});
    judge.add(1, cat, dog, {});
    judge.add(2, dog, cat, {});
    judge.add(3, dog, cat, {});
    return judge.report(
      about(
        labels.map((each, i) => sample(String(i), ...each)),
        classes,
      ),
    ).labelled;
  };

  it('tell right answers from changed ones, by class', () => {
    const labelled = judged([[0], [0], [0], [1]]);
    expect(labelled).toEqual({
      metric: 'top-1',
      samples: 4,
      before: 0.75,
      after: 0.5,
      interval: [expect.any(Number), expect.any(Number)],
      lost: 2,
      won: 1,
      classes: [
        { label: '1', samples: 1, before: 1, after: 0 },
        { label: '0', samples: 3, before: 2 / 3, after: 2 / 3 },
      ],
    });
    const [low = 0, high = 0] = labelled?.interval ?? [];
    expect(low).toBeLessThan(-0.25);
    expect(high).toBeGreaterThan(-0.25);
  });

  it('may be names, several at once, and left out', () => {
    expect(judged([['Big_Cat'], [], ['hound', 'big cat'], []], ['big cat, felis', 'dog, hound'])).toMatchObject({
      samples: 2,
      before: 1,
      after: 1,
    });
    expect(judged([['unknown'], [], [], []])).toBeUndefined();
  });
});
