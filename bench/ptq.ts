/**
 * What calibrated quantization is worth, on real models:
 *
 * - budgets: sizes that are asked for, and what the task's measures are then, on data that no tool saw; each is kept, or refused with status 1.
 * - bits: the small language model in as many bytes as llama.cpp's K-types of 2 and 3 bits take with importances: perplexity of both.
 * - migrations: what moving scales and rotating does for the rounding behind it.
 * - ablation: the recipe that is found for a small size without one of the things that it is made of.
 * - integers: static 8 bits on convolutional networks, where they pay, wherever they can be, and by onnxruntime's tool: latency and the tasks' scores.
 * - reference: GPTQ beside an implementation in torch on the same Gram matrices: loss of the outputs and time, two threads each.
 *
 *   npm run bench:ptq
 *   npm run bench:ptq -- budgets minilm
 *   npm run bench:ptq -- migrations minilm awq
 *
 * Keeps each part in bench/results/ptq.json. Exits with 1 when a measure is missed.
 */
import { header, line, type Row } from './main/table.ts';
import { ablationRows } from './ptq/ablation.ts';
import { bitsRows } from './ptq/bits.ts';
import { budgetRows } from './ptq/budgets.ts';
import { integerRows } from './ptq/integers.ts';
import { migrationRows } from './ptq/migrations.ts';
import { referenceRows } from './ptq/reference.ts';
import { savePartResults } from './results.ts';

/** How far outputs of a model that is to compute the same may lie apart. */
const MOST_MOVED = 1e-4;

const [part, model, method] = process.argv.slice(2);
const PARTS: Readonly<Record<string, () => Promise<boolean>>> = { budgets, bits, ablation, migrations, integers, reference };
if (part !== undefined && !PARTS[part]) {
  console.error(`no part ${part}: there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
let isShown = true;
for (const [name, show] of Object.entries(PARTS)) if (part === undefined || part === name) isShown = (await show()) && isShown;
process.exit(isShown ? 0 : 1);

async function budgets(): Promise<boolean> {
  let isMet = true;
  for await (const row of budgetRows(model)) {
    console.log(
      `${row.model} ${row.asked}: ${(row.bytes / 1e6).toFixed(3)} MB, status ${row.status}${row.problem ? `: ${row.problem}` : ''}`,
    );
    for (const { says, before, after, isMet } of row.measures)
      console.log(`  ${isMet ? 'met   ' : 'missed'} ${says}: ${before} -> ${after}`);
    savePartResults('ptq', `budgets ${row.model} ${row.asked}`, row);
    isMet &&= row.measures.every((measure) => measure.isMet);
  }
  return isMet;
}

async function bits(): Promise<boolean> {
  let isBetter = true;
  for await (const row of bitsRows()) {
    const [bytes, perplexity] = [row.bytes, row.perplexity].map((values) => values.map((value) => value.toPrecision(5)).join(' -> '));
    console.log(`${row.type}: bytes ${bytes}, perplexity ${perplexity}`);
    savePartResults('ptq', `bits ${row.type}`, row);
    isBetter &&= row.perplexity[2] < row.perplexity[1];
  }
  return isBetter;
}

async function ablation(): Promise<boolean> {
  for await (const row of ablationRows(model)) {
    console.log(
      `${row.model} in ${(row.size / 1e6).toFixed(1)} MB without ${row.without}: ${row.bytes} bytes, ${JSON.stringify(row.scores)}`,
    );
    savePartResults('ptq', `ablation ${row.model} without ${row.without}`, row);
  }
  return true;
}

async function migrations(): Promise<boolean> {
  let isExact = true;
  for await (const row of migrationRows(model, method)) {
    const { steps, rounding, exact, plain, loss, changed, layers } = row;
    console.log(
      `${row.model} ${steps}: moves outputs by ${exact.toPrecision(2)}; ${rounding} loses ${plain.toPrecision(3)} -> ${loss.toPrecision(3)}; ${changed} of ${layers} layers`,
    );
    savePartResults('ptq', `migrations ${row.model} ${steps} ${rounding}`, row);
    isExact &&= exact <= MOST_MOVED;
  }
  return isExact;
}

async function integers(): Promise<boolean> {
  console.log(header());
  const rows: Row[] = [];
  for await (const row of integerRows(model)) {
    console.log(line(row));
    rows.push(row);
    savePartResults(
      'ptq',
      `integers ${row.model}`,
      rows.filter((each) => each.model === row.model),
    );
  }
  return rows.every(({ measures }) => measures.every(({ met }) => met));
}

async function reference(): Promise<boolean> {
  const found = await referenceRows();
  if (!found || found.rows.length === 0) return true;
  for (const { layer, bits, block, loss, seconds } of found.rows) {
    const [a, b] = [loss, seconds].map(
      ([ours, theirs]) => `${ours.toPrecision(4)} / ${theirs.toPrecision(4)} = ${(ours / theirs).toFixed(3)}`,
    );
    console.log(`${layer}, ${bits} bits in blocks of ${block}: loss ${a}, seconds ${b}`);
  }
  savePartResults('ptq', 'reference', found.rows, found.versions);
  return found.rows.every(({ loss: [l, lt], seconds: [s, st] }) => l <= 1.01 * lt && s <= st);
}
