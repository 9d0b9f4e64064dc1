import { element, part } from './elements.js';
import { showFacts } from './facts.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./runtime.js').Values} Values
 * @typedef {{ readonly original: Values, readonly compressed: Values }} Answers
 * @typedef {{ readonly name: string, readonly bytes: number, readonly url: string }} ModelFile
 *
 * @typedef {object} Twin  as the server tells it
 * @property {'missing' | 'waiting' | 'making' | 'failed' | 'ready'} status
 * @property {string} [message]
 * @property {{ readonly phase: string, readonly share?: number }} [progress]
 * @property {ModelFile} [original]
 * @property {ModelFile} [compressed]
 * @property {string} [report]
 * @property {Readonly<Record<string, string>>} beside
 *
 * @typedef {object} View  what people change and see
 * @property {() => Values | undefined} feeds  of what is there now; undefined when it is nothing
 * @property {(answers: Answers, feeds: Values) => Verdict} show
 *
 * @typedef {{ readonly same: boolean, readonly text: string, readonly detail: string }} Verdict
 */

/** `?rounds=8` asks for other than 40. */
const ROUNDS = Math.min(1000, Number(new URLSearchParams(location.search).get('rounds') ?? 40));
/** Rounds end here however few they were, so that nobody waits. */
const MOST_MILLISECONDS = 12_000;

const PHASES = /** @type {Readonly<Record<string, string>>} */ ({
  read: 'reading',
  load: 'loading',
  choose: 'trying every layer',
  write: 'writing',
  verify: 'comparing the answers',
  time: 'timing',
  weigh: 'weighing',
});

/** How a model stands that cannot be tried yet. @param {HTMLElement} section @param {Twin} twin */
export function showWaiting(section, { status, message, progress, original }) {
  const share = progress?.share === undefined ? '' : ` ${Math.round(progress.share * 100)} %`;
  const doing = progress ? `${PHASES[progress.phase] ?? progress.phase}${share}` : '';
  const texts = {
    missing: `This model is not here. ${message ?? ''}`,
    waiting: `${original?.name ?? 'The model'} waits for its turn to be compressed.`,
    making: `tersor is compressing ${original?.name ?? 'the model'}: ${doing}. This is done once.`,
    failed: `It could not be compressed: ${message ?? ''}`,
    ready: 'Loading both models.',
  };
  section.dataset.status = status;
  say(section, texts[status]);
}

/**
 * Loads both models of a section, answers with them whenever the view has something new, and times them in turns.
 * @param {HTMLElement} section
 * @param {Runtime} runtime
 * @param {Twin & Required<Pick<Twin, 'original' | 'compressed'>>} twin
 * @param {(beside: Twin['beside'], ask: () => void) => Promise<View>} openView
 */
export async function openTrial(section, runtime, { original, compressed, beside, report }, openView) {
  const bytes = /** @type {const} */ ([original.bytes, compressed.bytes]);
  const facts = part(section, 'facts');
  showFacts(facts, { bytes });
  part(section, 'report').hidden = report === undefined;

  // The compressed one first: what warms up on the way counts against it.
  const small = await runtime.load(await fetched(compressed.url));
  const large = await runtime.load(await fetched(original.url));
  const load = /** @type {const} */ ([large.milliseconds, small.milliseconds]);
  const button = element('button', { type: 'button' }, 'Time both');
  button.addEventListener('click', () => void time());
  showFacts(facts, { bytes, load }, button);

  const view = await openView(beside, () => void ask());
  let asked = 0;
  let isTimed = false;

  /** Answers what is there now, unless something newer came meanwhile. */
  async function ask() {
    const turn = ++asked;
    const feeds = view.feeds();
    if (!feeds) return;
    section.setAttribute('aria-busy', 'true');
    try {
      const answers = { original: await runtime.run(large.session, feeds), compressed: await runtime.run(small.session, feeds) };
      if (turn !== asked) return;
      showVerdict(section, view.show(answers, feeds));
      section.dataset.status = 'answered';
      section.dispatchEvent(new CustomEvent('answered', { detail: { feeds, answers } }));
    } catch (error) {
      section.dataset.status = 'failed';
      say(section, `It could not be run: ${error instanceof Error ? error.message : error}`);
    } finally {
      if (turn === asked) section.removeAttribute('aria-busy');
    }
    if (!isTimed) await time();
  }

  /** Rounds of one run each, the two going first by turns; what people ask meanwhile goes between two rounds. */
  async function time() {
    const feeds = view.feeds();
    if (!feeds) return;
    isTimed = true;
    button.disabled = true;
    const rounds = { original: /** @type {number[]} */ ([]), compressed: /** @type {number[]} */ ([]), shapes: shapesOf(feeds) };
    await runtime.time([large.session, small.session, large.session, small.session], feeds);
    const end = performance.now() + MOST_MILLISECONDS;
    for (let round = 0; round < ROUNDS && performance.now() < end; round++) {
      const [first = 0, second = 0] = await runtime.time(
        round % 2 === 0 ? [large.session, small.session] : [small.session, large.session],
        feeds,
      );
      rounds.original.push(round % 2 === 0 ? first : second);
      rounds.compressed.push(round % 2 === 0 ? second : first);
      button.textContent = `Round ${round + 1} of ${ROUNDS}`;
    }
    showFacts(facts, { bytes, load, rounds }, button);
    button.textContent = 'Time both again';
    button.disabled = false;
    section.dataset.timed = 'yes';
  }

  await ask();
}

/** @param {HTMLElement} section @param {Verdict} verdict */
function showVerdict(section, { same, text, detail }) {
  const verdict = part(section, 'verdict');
  verdict.className = `verdict ${same ? 'same' : 'other'}`;
  part(section, 'verdict-text').textContent = text;
  part(section, 'verdict-detail').textContent = detail;
  say(section, '');
}

/** @param {HTMLElement} section @param {string} text */
function say(section, text) {
  const place = part(section, 'status');
  place.textContent = text;
  place.hidden = text === '';
}

/** @param {string} url */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.arrayBuffer();
}

/** @param {Values} feeds */
function shapesOf(feeds) {
  return Object.entries(feeds)
    .map(([name, { dims }]) => `${name} [${dims.join(',')}]`)
    .slice(0, 1)
    .join();
}

/** The only output, or the first. @param {Values} values */
export function onlyOutput(values) {
  const [first] = Object.values(values);
  if (!first) throw new Error('the model has no output');
  return first;
}

/** @param {ArrayLike<number | bigint>} a @param {ArrayLike<number | bigint>} b */
export function largestDifference(a, b) {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(Number(a[i]) - Number(b[i])));
  return largest;
}
