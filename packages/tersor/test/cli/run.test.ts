import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STATUS } from '../../src/cli/exit-status.ts';
import { ERRORS, type ErrorCode, TersorError } from '../../src/core/error.ts';
import { runFake } from './fake-shell.ts';
import { CHECK, COMPARISON, INSPECTION, MISSED, NOTHING, REPORT } from './samples.ts';

let folder: string;
let model: string;
let recipe: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-cli-'));
  model = join(folder, 'model.onnx');
  recipe = join(folder, 'my.recipe.json');
  await writeFile(model, '');
  await writeFile(recipe, JSON.stringify({ version: 1, seed: 3, steps: [{ use: 'tidy' }, { use: 'rounding', bits: 4 }] }));
});
afterAll(() => rm(folder, { recursive: true }));

describe('imatrix files', () => {
  it('are shown, and written in the form that the name says', async () => {
    const shown = await runFake(['imatrix', 'a.gguf', 'b.dat']);
    expect(shown.calls).toEqual([{ name: 'readImatrix', args: [['a.gguf', 'b.dat']] }]);
    expect(shown.out).toContain('imatrix.gguf: 1 weights, 2 chunks of 512 tokens of calib.txt');
    expect(shown.out).toMatch(/blk.0.ffn_up.weight +200 +1 +1024 +2.00 +51 %/);
    const out = join(folder, 'new.dat');
    const written = await runFake(['imatrix', 'a.gguf', '-o', out]);
    expect(written.calls.at(-1)).toEqual({ name: 'imatrixBytes', args: ['dat'] });
    expect(await readFile(out, 'utf8')).toBe('G');
    const again = await runFake(['imatrix', 'a.gguf', '-o', out]);
    expect([again.status, again.calls]).toEqual([2, []]);
  });
});

describe('the main job', () => {
  it('asks for nothing when nothing is asked', async () => {
    const { status, calls, out, err } = await runFake([model]);
    expect(status).toBe(0);
    expect(calls.map(({ name }) => name)).toEqual(['inspect', 'compress']);
    expect(Object.keys(Object(calls[1]?.args[1])).sort()).toEqual(['enough', 'onProgress', 'signal']);
    expect(err).toContain('minilm.onnx  90.4 MB');
    expect(out).toContain('3.95x smaller');
  });

  it('searches for nothing where a recipe says what to do', async () => {
    const { status, err } = await runFake(['compress', model, '--try', 'rounding', '--recipe', recipe]);
    expect(status).toBe(2);
    expect(err).toContain('leaves nothing to be searched for');
  });

  it('hands every flag on', async () => {
    const flags =
      '-o out.onnx --force --keep --max-drop 0.5% --max-size 25% --max-coded 20% --max-latency 0.8x --max-memory 500MB --target webgpu --data x.npz'.split(
        ' ',
      );
    const more =
      '--samples 8 --output a=b=classes --output c=state --eval e.mjs --seed 7 --threads 2 --no-verify --try rounding:bits=4|8 --max-time 90s --no-cache -q'.split(
        ' ',
      );
    const { calls, err } = await runFake(['compress', ...flags, ...more, model]);
    expect(calls.at(-1)?.args[0]).toBe(model);
    expect(calls.at(-1)?.args[1]).toEqual({
      output: 'out.onnx',
      force: true,
      keep: true,
      budget: {
        drop: 0.005,
        size: Math.floor(INSPECTION.bytes / 4),
        coded: Math.floor(INSPECTION.bytes / 5),
        latency: 0.8,
        memory: 500_000_000,
      },
      target: 'webgpu',
      data: 'x.npz',
      samples: 8,
      outputs: { 'a=b': 'classes', c: 'state' },
      eval: 'e.mjs',
      seed: 7,
      threads: 2,
      verify: false,
      cache: false,
      steps: [4, 8].map((bits) => [expect.objectContaining({ use: 'rounding', bits })]),
      signal: expect.any(AbortSignal),
      enough: expect.any(AbortSignal),
    });
    expect(err).toBe('');
  });

  it('plans when it runs dry', async () => {
    const { calls, out, status } = await runFake([model, '--dry-run', '-q']);
    expect(calls.map(({ name }) => name)).toEqual(['plan']);
    expect(out).toContain('This is a plan: nothing was computed');
    expect(status).toBe(0);
  });

  it('--json prints the report and nothing else', async () => {
    const { out, err } = await runFake([model, '--json']);
    expect(JSON.parse(out)).toEqual(REPORT);
    expect(err).toBe('');
  });

  it('a missed promise is status 1, nothing to gain is 0', async () => {
    expect((await runFake([model], { compress: async () => MISSED })).status).toBe(1);
    expect((await runFake([model, '--json'], { compress: async () => MISSED })).status).toBe(1);
    expect((await runFake([model], { compress: async () => NOTHING })).status).toBe(0);
  });

  it('follows a recipe with defaults filled in and --set on top', async () => {
    const { calls } = await runFake([model, '-q', '--recipe', recipe, '--set', 'rounding.fit=absmax', '--set', '2.symmetric=false']);
    expect(calls[0]?.args[1]).toMatchObject({
      recipe: {
        version: 1,
        seed: 3,
        steps: [{ use: 'tidy' }, { use: 'rounding', bits: 4, fit: 'absmax', symmetric: false, keepIo: false, damping: 0.5 }],
      },
    });
  });

  it('--set alone names the steps', async () => {
    const { calls } = await runFake([model, '-q', '--set', 'rounding.bits=4', '--set', 'rounding.fit=absmax']);
    expect(calls[0]?.args[1]).toMatchObject({ recipe: { steps: [{ use: 'rounding', bits: 4, fit: 'absmax' }] } });
  });

  it('takes the recipe out of a model that tersor made', async () => {
    const inside = { ...INSPECTION, metadata: { 'tersor.recipe': '{"version":1,"steps":[{"use":"rounding","bits":2}]}' } };
    const { calls, status } = await runFake([model, '-q', '--recipe', model], { inspect: async () => inside });
    expect(status).toBe(0);
    expect(calls.at(-1)).toMatchObject({ name: 'compress', args: [model, { recipe: { steps: [{ use: 'rounding', bits: 2 }] } }] });
    const without = await runFake([model, '--recipe', model]);
    expect(without.err).toContain('has no recipe inside\n  only models that tersor made have one\n  [RECIPE_INVALID]');
  });

  it('--save-recipe writes what replays, and refuses to overwrite before it works', async () => {
    const path = join(folder, 'found.json');
    expect((await runFake([model, '-q', '--save-recipe', path])).status).toBe(0);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(REPORT.recipe);
    const again = await runFake([model, '-q', '--save-recipe', path]);
    expect(again).toMatchObject({ status: 2, calls: [] });
    expect(again.err).toContain('[FILE_EXISTS]');
    expect((await runFake([model, '-q', '--force', '--save-recipe', path])).status).toBe(0);
  });

  it.each([
    ['the model', () => model, 2, 'is the input itself'],
    ['the output', () => join(folder, 'same'), 2, 'is where the model goes'],
    ['a folder', () => folder, 4, 'is a folder'],
    ['nowhere', () => join(folder, 'missing/found.json'), 4, 'its folder does not exist'],
  ])('--save-recipe never goes to %s', async (_, path, status, message) => {
    const refused = await runFake([model, '-q', '--force', '-o', join(folder, 'same'), '--save-recipe', path()]);
    expect(refused).toMatchObject({ status, calls: [] });
    expect(refused.err).toContain(message);
  });
});

describe('--report', () => {
  const missing = () => join(folder, 'nowhere/report.json');

  it('writes the report as data, and asks for what only a report shows', async () => {
    const path = join(folder, 'report.json');
    const { status, calls } = await runFake([model, '-q', '--report', path]);
    expect(status).toBe(0);
    expect(calls).toMatchObject([{ name: 'compress', args: [model, { weigh: true }] }]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(REPORT);
    const page = join(folder, 'report.html');
    const both = await runFake(['rounding', model, '-q', '--force', '--report', path, '--report', page]);
    expect(both.status).toBe(0);
    expect(await readFile(page, 'utf8')).toContain('<h1>minilm.onnx</h1>');
    expect(await runFake([model, '-q', '--report', path])).toMatchObject({ status: 2, calls: [] });
  });

  it('fails before the work', async () => {
    expect(await runFake([model, '-q', '--report', missing()])).toMatchObject({ status: 4, calls: [] });
    const wrong = await runFake([model, '-q', '--report', 'report.pdf']);
    expect(wrong).toMatchObject({ status: 2, calls: [] });
    expect(wrong.err).toContain('--report: "report.pdf"');
  });
});

describe('check', () => {
  it('says by its status whether a promise is missed', async () => {
    const path = join(folder, 'check.json');
    await writeFile(path, '{"version":"0.1.0"}');
    const missed = await runFake(['check', path, model, '-q', '--original', 'big.onnx', '--no-run']);
    expect(missed).toMatchObject({ status: 1, calls: [{ name: 'check' }] });
    expect(missed.calls[0]?.args).toMatchObject([{ version: '0.1.0' }, model, { original: 'big.onnx', run: false }]);
    const kept = await runFake(['check', path, model, '--json'], { check: async () => ({ ...CHECK, kept: true }) });
    expect(kept.status).toBe(0);
    expect(JSON.parse(kept.out)).toMatchObject({ kept: true });
  });

  it('takes a folder for the report of one', async () => {
    const path = join(folder, 'check-folder.json');
    await writeFile(path, '{"models":[]}');
    const { status, calls, out } = await runFake(['check', path, folder, '-q']);
    expect({ status, calls }).toMatchObject({ status: 1, calls: [{ name: 'checkFolder', args: [{ models: [] }, folder, {}] }] });
    expect(out).toMatch(/✗ {2}tokenizer\.json, 2,480,466 bytes +12 +missed/);
  });

  it('refuses what is no report', async () => {
    const wrong = await runFake(['check', model, model]);
    expect(wrong).toMatchObject({ status: 2, calls: [] });
    expect(wrong.err).toContain('is not JSON');
  });
});

describe('a method is a command', () => {
  it('and equals a recipe of one step', async () => {
    const { calls } = await runFake([
      'rounding',
      model,
      '-q',
      '--bits',
      '4',
      '--no-symmetric',
      '--keep-io',
      '--damping',
      '-0.5',
      '--where',
      '**.weight',
    ]);
    expect(calls[0]).toMatchObject({
      name: 'compress',
      args: [
        model,
        {
          recipe: {
            version: 1,
            steps: [
              { use: 'rounding', where: [{ name: '**.weight' }], bits: 4, fit: 'mse', symmetric: false, keepIo: true, damping: -0.5 },
            ],
          },
        },
      ],
    });
  });

  it('has the help of its declaration', async () => {
    const { out, status } = await runFake(['help', 'rounding'], {}, 100);
    expect(status).toBe(0);
    for (const text of [
      '--bits <integer 2..8>',
      'Bits per weight. Default 8.',
      '--no-symmetric',
      '--keep-io',
      'Takes absmax | mse | half-quadratic.',
      'Leaves biases alone.',
    ]) {
      expect(out).toContain(text);
    }
  });
});

describe('compare', () => {
  it('is status 1 below --at-least or without a measurement', async () => {
    const { quality: _, ...unmeasured } = COMPARISON;
    expect((await runFake(['compare', model, model, '--at-least', '99%'])).status).toBe(0);
    expect((await runFake(['compare', model, model, '--at-least', '0.9999'])).status).toBe(1);
    expect((await runFake(['compare', model, model, '--at-least', '99%'], { compare: async () => unmeasured })).status).toBe(1);
    expect((await runFake(['compare', model, model], { compare: async () => unmeasured })).status).toBe(0);
  });

  it('--json is the comparison', async () => {
    expect(JSON.parse((await runFake(['compare', model, model, '--json'])).out)).toEqual(COMPARISON);
  });
});

describe('other commands', () => {
  it('inspect', async () => {
    expect((await runFake(['inspect', model])).out).toContain('Operators  191 nodes');
    expect((await runFake(['inspect', model, '--json'])).out).toBe(`${JSON.stringify(INSPECTION, null, 2)}\n`);
  });

  it('methods', async () => {
    expect((await runFake(['methods'])).out).toContain('Rounds weights to a few bits.');
    expect((await runFake(['methods', 'rounding'])).out).toContain('--bits <integer 2..8>');
    expect(JSON.parse((await runFake(['methods', 'rounding', '--json'])).out)).toMatchObject({
      id: 'rounding',
      options: { bits: { default: 8, schema: { type: 'integer' } } },
    });
  });

  it('recipe check, alone and with a model', async () => {
    expect((await runFake(['recipe', 'check', recipe])).out).toContain('my.recipe.json: tidy → rounding');
    const { out, calls } = await runFake(['recipe', 'check', recipe, model]);
    expect(out).toContain('changes 4 of 4 weights, 90.4 MB → 22.9 MB (25.3 %)');
    expect(calls[0]).toMatchObject({ name: 'plan', args: [model, { recipe: { seed: 3 } }] });
  });

  it('help and version go to stdout, no command at all is wrong use', async () => {
    expect(await runFake(['--help'])).toMatchObject({ status: 0, err: '', out: expect.stringContaining('Usage: tersor <model>') });
    expect(await runFake(['--version'])).toMatchObject({ status: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(await runFake([])).toMatchObject({ status: 2, out: '', err: expect.stringContaining('Usage: tersor <model>') });
    expect(await runFake(['recipe'])).toMatchObject({ status: 2, err: expect.stringContaining('check') });
  });
});

describe('wrong use says where, what and what to do', () => {
  it.each([
    [['compres', 'x'], 'tersor: "compres" is neither a command nor a file\n  did you mean "tersor compress"?', 'USAGE'],
    [['qqqqqqqq'], 'tersor: "qqqqqqqq" is neither a command nor a file\n  see the commands with: tersor --help', 'USAGE'],
    [['compress'], 'tersor compress: <model> is missing\n  usage: tersor compress [options] <model>', 'USAGE'],
    [['compress', 'a', 'b'], 'tersor compress: too many arguments: "a", "b"\n  usage: tersor compress [options] <model>', 'USAGE'],
    [['compress', 'a', '--max-dorp', '1%'], 'tersor compress: no option "--max-dorp"\n  did you mean "--max-drop"?', 'OPTION_UNKNOWN'],
    [
      ['compress', 'a', '--bits', '4'],
      'tersor compress: no option "--bits"\n  it belongs to rounding: tersor rounding <model> --bits ...',
      'OPTION_UNKNOWN',
    ],
    [['compress', 'a', '--max-time', '10'], '--max-time: "10"\n  it takes a time with its unit, such as 90s, 10m or 1h', 'OPTION_VALUE'],
    [['compress', 'a', '--max-tiem', '10m'], 'tersor compress: no option "--max-tiem"\n  did you mean "--max-time"?', 'OPTION_UNKNOWN'],
    [['compress', 'a', '--max-drop'], 'tersor compress: --max-drop <share> has no value\n  see: tersor help compress', 'OPTION_VALUE'],
    [['compress', 'a', '--target', 'wsam'], '--target: "wsam"\n  did you mean "wasm"?', 'OPTION_VALUE'],
    [
      ['compress', 'a', '--output', 'x.onnx'],
      '--output: "x.onnx"\n  it takes name=kind, such as logits=classes; the file to write is -o',
      'OPTION_VALUE',
    ],
    [['rounding', 'a', '--bits', '9'], '--bits: "9"\n  it takes integer 2..8', 'OPTION_VALUE'],
    [['record', '-o', 'x', '--', 'node'], 'tersor record: no option "-o"\n  did you mean "--into"?', 'OPTION_UNKNOWN'],
    [['record', '-x', '--', 'node'], 'tersor record: no option "-x"\n  see them with: tersor help record', 'OPTION_UNKNOWN'],
    [['rounding', 'a', '--bts', '4'], 'tersor rounding: no option "--bts"\n  did you mean "--bits"?', 'OPTION_UNKNOWN'],
    [['recipe', 'chek'], 'tersor recipe: no command "chek"\n  did you mean "check"?', 'USAGE'],
    [['methods', 'rownding'], 'tersor methods rownding: no method "rownding"\n  did you mean "rounding"?', 'METHOD_UNKNOWN'],
    [['explain', 'RULE_UNMACHED'], 'tersor explain RULE_UNMACHED: no error has this code\n  did you mean "RULE_UNMATCHED"?', 'USAGE'],
    [['compress', 'a', '--set', 'rounding'], '--set rounding: is not step.option=value\n  for example: --set rtn.bits=4', 'USAGE'],
    [
      ['compress', 'a', '--set', 'rouding.bits=4'],
      '--set rouding.bits=4: no method "rouding"\n  did you mean "rounding"?',
      'METHOD_UNKNOWN',
    ],
  ])('%j', async (argv, message, code) => {
    const { status, out, err, calls } = await runFake(argv);
    expect(err).toContain(`✗ ${message}`);
    expect(err).toContain(`[${code}]`);
    expect({ status, out, calls }).toEqual({ status: 2, out: '', calls: [] });
  });

  it('a missing model names the nearest file', async () => {
    const { status, err } = await runFake([join(folder, 'modle.onnx')]);
    expect(status).toBe(3);
    expect(err).toContain(`did you mean "${model}"?`);
    expect((await runFake(['inspect', join(folder, 'nowhere', 'm.onnx')])).err).toContain(
      `there is no folder "${join(folder, 'nowhere')}"`,
    );
  });

  it('--set has to name one step of the recipe', async () => {
    const twice = join(folder, 'twice.json');
    await writeFile(twice, JSON.stringify({ version: 1, steps: [{ use: 'rounding' }, { use: 'rounding' }] }));
    expect((await runFake([model, '--recipe', twice, '--set', 'rounding.bits=4'])).err).toContain(
      'steps 1 and 2 use "rounding"\n  say which: --set 1.bits=4',
    );
    expect((await runFake([model, '--recipe', twice, '--set', '3.bits=4'])).err).toContain(
      'there is no step 3\n  steps are numbered from 1 to 2',
    );
    expect((await runFake([model, '--recipe', twice, '--set', 'tidy.bits=4'])).err).toContain(
      'the recipe has no step "tidy"\n  its steps: rounding, rounding',
    );
  });

  it('a recipe that is not there, or not JSON', async () => {
    expect((await runFake([model, '--recipe', 'int9'])).err).toMatch(
      /--recipe int9: cannot be read\n {2}did you mean the preset "int\d"\?/,
    );
    const broken = join(folder, 'broken.json');
    await writeFile(broken, '{ "version": 1, ');
    expect((await runFake([model, '--recipe', broken])).err).toContain('a recipe is JSON; its schema: tersor recipe schema');
  });
});

describe('errors of the library', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('%s has its status and its words, as text and as JSON', async (code) => {
    const compress = () => Promise.reject(new TersorError(code, 'model.onnx', 'went wrong', 'do this'));
    const text = await runFake([model, '-q'], { compress });
    expect(text).toMatchObject({ status: STATUS[code], out: '' });
    expect(text.err).toContain('✗ model.onnx: went wrong\n  do this\n');
    const json = await runFake([model, '--json'], { compress });
    expect(json).toMatchObject({ status: STATUS[code], err: '' });
    expect(JSON.parse(json.out)).toEqual({ error: { code, where: 'model.onnx', what: 'went wrong', hint: 'do this' } });
  });

  it('what nobody expected is ours, with the way to report it', async () => {
    const { status, err } = await runFake([model, '-q'], { compress: () => Promise.reject(new TypeError('x is undefined')) });
    expect(status).toBe(70);
    expect(err).toMatch(/✗ tersor: x is undefined\n +at .*\n/);
    expect(err).toContain('npm bugs tersor');
    expect(err).toContain('[INTERNAL]');
  });

  it('names of hostile files do not reach the terminal as they are', async () => {
    const compress = () => Promise.reject(new TersorError('FILE_CORRUPT', 'a\u001b[2J', 'b\u0007', 'c\u009b'));
    const { err } = await runFake([model, '-q'], { compress });
    expect(err).toContain('a\\x1b[2J: b\\x07\n  c\\x9b');
  });
});
