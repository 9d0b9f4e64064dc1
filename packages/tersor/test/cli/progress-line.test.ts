import { describe, expect, it } from 'vitest';
import { progressLine, progressText } from '../../src/cli/progress-line.ts';
import { widthOf } from '../../src/cli/text/width.ts';
import { fakeScreen } from './fake-shell.ts';

const CLEAR = '\r\u001b[2K';

describe('on a terminal', () => {
  it('rewrites one line, not too often, and leaves nothing behind', () => {
    const screen = fakeScreen(80, { live: true });
    let time = 0;
    const line = progressLine(screen, () => time);
    line.show({ phase: 'choose', done: 0, total: 40 });
    time = 10;
    line.show({ phase: 'choose', done: 1, total: 40 }); // too soon
    time = 5000;
    line.show({ phase: 'choose', done: 10, total: 40, about: 'layer.1.weight' });
    line.end();
    const [, first, second, last] = screen.text().split(CLEAR);
    expect(first).toBe(`Choosing${' '.repeat(29)}  0 %`);
    expect(second).toBe(`Choosing   ██████${' '.repeat(18)}   25 %  15 s left  layer.1.weight`);
    expect(last).toBe('');
    expect(screen.text()).not.toContain('\n');
  });

  it.each([20, 40, 60, 80, 200])('fits %i columns, whatever is being done', (columns) => {
    const about = 'encoder.layer.11.attention.output.LayerNorm.weight'.repeat(3);
    for (const total of [0, 40]) {
      const text = progressText({ phase: 'load', done: 13, total, about }, { seconds: 100, done: 13 }, fakeScreen(columns, { live: true }));
      expect(widthOf(text)).toBeLessThan(columns);
    }
  });
});

it('long writes: how fast, and how long still; what an earlier run wrote is no sign of it', () => {
  const screen = fakeScreen(90, { live: true });
  let time = 0;
  const line = progressLine(screen, () => time);
  line.show({ phase: 'write', done: 3e9, total: 4e9, about: 'header' });
  time = 10_000;
  line.show({ phase: 'write', done: 3.2e9, total: 4e9, about: 'blk.20.ffn_up.weight' });
  line.end();
  const [, first, second] = screen.text().split(CLEAR);
  expect(first).toBe(`Writing    ${'█'.repeat(18)}${' '.repeat(6)}   75 %  header`);
  expect(second).toBe(`Writing    ${'█'.repeat(19)}▎${' '.repeat(4)}   80 %  40 s left  20.0 MB/s  blk.20.ffn_up.weight`);
});

it('in a log: a line where a phase begins, and one every ten seconds', () => {
  const screen = fakeScreen(80);
  let time = 0;
  const line = progressLine(screen, () => time);
  for (; time <= 25_000; time += 100) line.show({ phase: time < 24_000 ? 'choose' : 'write', done: time, total: 24_000 });
  line.end();
  expect(screen.text()).toBe('Choosing  0 %\nChoosing  41 %  14 s left\nChoosing  83 %  4.0 s left\nWriting  100 %\n');
});
