import { Tokenizer } from '/vendor/tokenizers/tokenizers.min.mjs';
import { calmly, part } from '../elements.js';
import { pairedBars } from '../paired-bars.js';
import { cosine, embeddings, sentenceTensors } from '../tasks/embed-sentences.js';
import { onlyOutput } from '../trial.js';
import { smallText } from '../units.js';

const MOST_SENTENCES = 40;

/**
 * A sentence and a list of others, and how near both models find them.
 * @param {HTMLElement} section
 * @param {Readonly<Record<string, string>>} beside
 * @param {() => void} ask
 * @returns {Promise<import('../trial.js').View>}
 */
export async function openSentencesView(section, beside, ask) {
  const json = async (/** @type {string | undefined} */ url) => (url === undefined ? {} : (await fetch(url)).json());
  const tokenizer = new Tokenizer(await json(beside['tokenizer.json']), await json(beside['tokenizer_config.json']));
  const query = /** @type {HTMLInputElement} */ (part(section, 'query'));
  const list = /** @type {HTMLTextAreaElement} */ (part(section, 'list'));
  const listed = () =>
    list.value
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .slice(0, MOST_SENTENCES);
  /** @type {readonly string[]} */
  let others = [];

  const changed = calmly(ask, 250);
  query.addEventListener('input', changed);
  list.addEventListener('input', changed);

  return {
    feeds() {
      others = listed();
      return query.value.trim() === '' || others.length === 0 ? undefined : sentenceTensors(tokenizer, [query.value, ...others]);
    },
    show({ original, compressed }, { attention_mask: mask }) {
      if (!mask) throw new Error('there is no mask');
      const [a, b] = [original, compressed].map((values) => embeddings(onlyOutput(values), mask));
      if (!a || !b) throw new Error('there are no answers');
      const near = (/** @type {Float64Array[]} */ [first = new Float64Array(), ...rest]) => rest.map((vector) => cosine(first, vector));
      const [before, after] = [near(a), near(b)];
      const rows = before
        .map((value, i) => ({ label: others[i] ?? '', original: value, compressed: after[i] ?? 0 }))
        .sort((x, y) => y.original - x.original);
      part(section, 'answers').replaceChildren(
        pairedBars(rows, 'Similarity to the sentence, the nearest first', (value) => value.toFixed(3)),
      );
      const largest = rows.reduce((most, row) => Math.max(most, Math.abs(row.original - row.compressed)), 0);
      const moved = rows.filter(({ compressed: value }, i) => i > 0 && value > (rows[i - 1]?.compressed ?? 1)).length;
      const kept = a.reduce((sum, vector, i) => sum + cosine(vector, b[i] ?? vector), 0) / a.length;
      return {
        same: moved === 0,
        text: moved === 0 ? 'Both put them in the same order' : `${moved} of ${rows.length} stand elsewhere`,
        detail: `largest difference of a similarity ${smallText(largest)}; the vectors themselves agree to ${kept.toFixed(4)} (cosine)`,
      };
    },
  };
}
