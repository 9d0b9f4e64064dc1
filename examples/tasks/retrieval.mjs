/**
 * How well sentence embeddings find the passage that belongs to a query: acc@1 and mean reciprocal rank.
 *
 *   PAIRS=pairs.tsv TOKENIZER=tokenizer.json tersor model.onnx --eval retrieval.mjs
 *
 * PAIRS has a query and its passage in the last two columns of every line, with a heading. Needs: npm i @huggingface/tokenizers
 */
import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';

const MAX_TOKENS = 128;

/** @type {import('tersor').Evaluate} */
export default async function retrieval(session) {
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(process.env.TOKENIZER ?? 'tokenizer.json', 'utf8')), {});
  const pairs = readPairs(process.env.PAIRS ?? 'pairs.tsv');
  /** @param {string} text */
  const embed = async (text) => {
    const ids = shortened(tokenizer.encode(text).ids);
    const each = {
      input_ids: ids,
      attention_mask: ids.map(() => 1),
      token_type_ids: ids.map(() => 0),
    };
    const wanted = Object.entries(each).filter(([name]) => session.inputs.some((input) => input.name === name));
    const [states] = Object.values(await session.run(Object.fromEntries(wanted.map(([name, row]) => [name, [row]]))));
    return meanOf(/** @type {Float32Array} */ (states?.data), states?.shape.at(-1) ?? 1);
  };
  const queries = [];
  const passages = [];
  for (const [query, passage] of pairs) {
    queries.push(await embed(query));
    passages.push(await embed(passage));
  }
  const ranks = ranksOf(queries, passages);
  return { 'acc@1': ranks.map((rank) => (rank === 1 ? 1 : 0)), mrr: ranks.map((rank) => 1 / rank) };
}

/**
 * For every query, which place its own passage takes among all.
 * @param {readonly Float32Array[]} queries
 * @param {readonly Float32Array[]} passages  in the order of the queries
 */
export function ranksOf(queries, passages) {
  const [unitQueries, unitPassages] = [queries.map(unit), passages.map(unit)];
  return unitQueries.map((query, i) => {
    const scores = unitPassages.map((passage) => dot(query, passage));
    return scores.filter((score) => score > Number(scores[i])).length + 1;
  });
}

/**
 * @param {string} path
 * @returns {[query: string, passage: string][]}
 */
export function readPairs(path) {
  const lines = readFileSync(path, 'utf8').trim().split(/\r?\n/).slice(1);
  return lines.map((line) => {
    const [query = '', passage = ''] = line.split('\t').slice(-2);
    return [query, passage];
  });
}

/**
 * The first tokens, and the closing one.
 * @param {readonly number[]} ids
 */
export function shortened(ids) {
  return ids.length <= MAX_TOKENS ? [...ids] : [...ids.slice(0, MAX_TOKENS - 1), Number(ids.at(-1))];
}

/**
 * The mean over tokens.
 * @param {Float32Array} states  `[tokens, width]`
 * @param {number} width
 */
function meanOf(states, width) {
  const mean = new Float32Array(width);
  for (let i = 0; i < states.length; i++) mean[i % width] = Number(mean[i % width]) + Number(states[i]);
  return mean;
}

/** @param {Float32Array} vector */
function unit(vector) {
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((value) => value / length);
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Number(a[i]) * Number(b[i]);
  return sum;
}
