import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { reportPage } from '../../src/report/report-page.ts';
import { SCRIPT, SCRIPT_SHA256 } from '../../src/report/script.ts';
import { sensitivityPage } from '../../src/report/sensitivity-page.ts';
import { STYLE } from '../../src/report/style.ts';
import { SENSITIVITY } from '../cli/sample-of-sensitivity.ts';
import { MISSED, NOTHING, PLANNED, REPORT } from '../cli/samples.ts';
import { EVIL, FULL, HOSTILE, LARGE, PAGES } from './reports.ts';

const VOID = new Set(['meta', 'input', 'br']);
const TAG = /<(\/?)([a-z0-9]+)((?:\s+[a-z0-9-]+(?:="[^"<>]*")?)*)\s*(\/?)>/gi;

/** The elements of a page, once every tag is closed in order and every `<` belongs to one. */
function elementsOf(page: string): string[] {
  const body = page.replace('<!doctype html>', '').replace(`<script>${SCRIPT}</script>`, '<script></script>').replace(STYLE, '');
  expect(body.replace(TAG, '')).not.toMatch(/[<>]/);
  const [open, all]: [string[], string[]] = [[], []];
  for (const [, closes, name = '', attributes = '', selfCloses] of body.matchAll(TAG)) {
    if (closes) expect(open.pop()).toBe(name);
    else {
      all.push(`${name}${attributes}`);
      if (!selfCloses && !VOID.has(name)) open.push(name);
    }
  }
  expect(open).toEqual([]);
  return all;
}

const REPORTS = Object.entries({ ...PAGES, HOSTILE, LARGE }).map(([name, report]) => [name, reportPage(report)] as const);
const SENSITIVITIES = [
  ['a sensitivity', sensitivityPage(SENSITIVITY, EVIL)],
  ['a sensitivity of nothing', sensitivityPage({ ...SENSITIVITY, tried: [], layers: [], predictors: [] }, 'model.onnx')],
] as const;

describe.each([...REPORTS, ...SENSITIVITIES])('the page of %s', (_, page) => {
  it('is well-formed, with ids that are there once', () => {
    const ids = elementsOf(page).flatMap((element) => /\sid="([^"]*)"/.exec(element)?.[1] ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id = ''] of page.matchAll(/(?:aria-labelledby|data-copy)="([^"]*)"/g)) expect(ids).toContain(id);
  });

  it('asks nothing of the network', () => {
    for (const element of elementsOf(page)) expect(element).not.toMatch(/\s(src|href|srcset|action|on[a-z]+|style)=/i);
    expect(page.replaceAll(EVIL, '')).not.toMatch(/url\(|@import|https?:/i);
    expect(page).toContain("default-src 'none'");
  });

  it('is small, and has no number that is none', () => {
    expect(Buffer.byteLength(page)).toBeLessThan(400_000);
    expect(page.replace(SCRIPT, '')).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });
});

it('makes what a hostile file says visible, and nothing else', () => {
  const page = reportPage(HOSTILE);
  expect(elementsOf(page).filter((element) => element.startsWith('img'))).toEqual([]);
  expect(page.match(/<script/g)).toHaveLength(1);
  expect(page).toContain('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;&lt;!--&#39;\\x202e\\x1b&amp;amp;');
  expect(page).not.toContain('\u202e');
  // what the button copies is the recipe, still
  const shown = /<pre id="recipe"[^>]*>([^<]*)<\/pre>/.exec(page)?.[1] ?? '';
  const copied = shown
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
  expect(JSON.parse(copied)).toEqual(HOSTILE.recipe);
});

it('stays small however many weights there are, and says what it left out', () => {
  const weights = Array.from({ length: 20_000 }, (_, i) => ({
    ...REPORT.weights[0]!,
    id: `${i}.${'"'.repeat(500)}`,
    bytesBefore: 1e6 - i,
  }));
  const steps = Array.from({ length: 5000 }, (_, i) => ({ use: 'rtn', where: [{ name: `layer.${i}.weight` }] }));
  const page = reportPage({ ...FULL, weights, recipe: { version: 1, steps } });
  expect(Buffer.byteLength(page)).toBeLessThan(400_000);
  expect(page).toMatch(/and 19,\d+ smaller ones/);
  expect(page).toContain('too long to show here');
});

it('says what it rests on', () => {
  expect(reportPage(MISSED)).toContain('<strong>INDICATED</strong> on made-up inputs');
  expect(reportPage(MISSED)).toContain('A promise was missed.');
  expect(reportPage(FULL)).toContain('<strong>MEASURED</strong> on data');
  expect(reportPage(FULL)).toContain('await ort.InferenceSession.create(&#39;minilm.min.onnx&#39;)');
  expect(reportPage(NOTHING)).toContain('Nothing to gain.');
  expect(reportPage(PLANNED)).toContain('A plan.');
});

it('shows how long a download takes', () => {
  const rows = [...reportPage(FULL).matchAll(/<th scope="row">((?:before|after)[^<]*)<\/th>((?:<td class="num">[^<]*<\/td>){3})/g)];
  const cells = rows.map(([, name, row = '']) => [name, ...[...row.matchAll(/>([^<]+)</g)].map(([, cell]) => cell)]);
  expect(cells).toEqual([
    ['before', '90.4 MB', '1 min 12 s', '14 s'],
    ['before, brotli', '82.6 MB', '1 min 6 s', '13 s'],
    ['after', '22.9 MB', '18 s', '3.7 s'],
    ['after, brotli', '20.8 MB', '17 s', '3.3 s'],
  ]);
});

it('shows how far the runs on every shape spread', () => {
  const page = reportPage(FULL);
  expect(page.match(/<svg class="single spread-bar"/g)).toHaveLength(4);
  expect(page).toContain('input_ids [1,128]<small>0.98x (0.96x to 1.01x), 60 rounds in turns</small>');
  expect(page).toContain('40.0 ms<small>37.6 ms – 48.0 ms</small>');
  // reports of older versions have medians alone
  expect(reportPage(REPORT)).not.toContain('spread-bar"');
  expect(reportPage(REPORT)).toContain('<th scope="row">before</th>');
});

it('draws all weights of a deep model as columns', () => {
  const page = reportPage(LARGE);
  const columns = (kind: string) => new RegExp(`<path class="${kind}" d="([^"]*)"`).exec(page)?.[1]?.match(/M/g);
  for (const kind of ['before', 'after', 'error']) expect(columns(kind)).toHaveLength(300);
  expect(reportPage({ ...REPORT, weights: REPORT.weights.slice(0, 3) })).not.toContain('class="skyline"');
});

it('draws the front with its chosen point', () => {
  const page = reportPage(FULL);
  expect(page.match(/<circle class="point"/g)).toHaveLength(1);
  expect(page.match(/<circle class="chosen"/g)).toHaveLength(1);
  expect(reportPage(REPORT)).not.toContain('id="front"');
});

it('runs its own script alone, and that one parses', () => {
  expect(SCRIPT_SHA256).toBe(createHash('sha256').update(SCRIPT).digest('base64'));
  expect(() => new Function(SCRIPT)).not.toThrow();
});

describe.each([
  ['light', STYLE.slice(STYLE.indexOf(':root'), STYLE.indexOf('@media'))],
  ['dark', STYLE.slice(STYLE.indexOf('@media'))],
])('%s colours', (_, css) => {
  it.each([
    ['ink', 'page'],
    ['ink', 'card'],
    ['soft', 'page'],
    ['soft', 'card'],
    ['after', 'page'],
    ['good', 'card'],
    ['warn', 'card'],
    ['bad', 'card'],
    ['good', 'good-page'],
    ['warn', 'warn-page'],
    ['bad', 'bad-page'],
  ])('%s on %s can be read', (text, page) => {
    expect(contrast(colour(css, text), colour(css, page))).toBeGreaterThanOrEqual(4.5);
  });
});

function colour(css: string, name: string): number[] {
  const hex = new RegExp(`--${name}:#([0-9a-f]+)`).exec(css)?.[1] ?? '';
  const digits = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex;
  expect(digits).toHaveLength(6);
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16) / 255);
}

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(a: readonly number[], b: readonly number[]): number {
  const luminance = (rgb: readonly number[]) =>
    rgb
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i]!, 0);
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

it('says where runs part and what was repaired, and marks where it is unsure', () => {
  const divergence = {
    between: ['the result on node', 'the result on <wasm>'],
    node: 'block.1/Add',
    op: 'Add',
    value: 'sum',
    reason: 'error',
    error: 0.25,
    errorBefore: 0.001,
    sample: 'sample 3',
    compared: 7,
    certain: false,
  } as const;
  const repairs = [{ step: 1, use: 'fp16', kept: ['a', 'b', 'c', 'd', 'e'], because: 'values pass 65504' }];
  const page = reportPage({ ...REPORT, divergence, repairs });
  expect(page).toContain('first diverging node: block.1/Add (Add): error 25.0 %, 0.10 % before it');
  expect(page).toContain('the result on &lt;wasm&gt; against the result on node, sample 3, 7 values compared; not so when');
  expect(page).toContain('steps[1] fp16 leaves a, b, c, d and 1 more in higher precision: values pass 65504');
  const sure = reportPage({ ...REPORT, divergence: { ...divergence, reason: 'not finite', certain: true } });
  expect(sure).toContain('first diverging node: block.1/Add (Add): not finite');
  expect(sure).not.toContain('not so when');
  for (const word of ['WRONG', 'REPAIRED']) expect(reportPage(REPORT)).not.toContain(word);
  elementsOf(page);
});
