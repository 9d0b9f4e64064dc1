import { basename, relative, sep } from 'node:path';
import { TersorError } from '../core/error.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { splitAnnotation } from './annotate.ts';
import type { Text } from './encode-text.ts';
import { type Gathering, gather } from './gather.ts';
import { hasGrowingState } from './growing-state.ts';
import { readBounded } from './read-bounded-node.ts';
import type { Reading } from './reading.ts';
import { decoderFeeds, fixedLength, textFeeds, textInputs } from './text-feeds.ts';
import { toFeeds, toSample, type Wanted } from './to-feeds.ts';
import { openTextEncoder } from './tokenizer-node.ts';

/** More than sampling needs; a larger corpus is better cut than read. */
const MAX_TEXT_BYTES = 2 ** 28;

interface Entry {
  readonly where: string;
  readonly content: string;
}

/**
 * Samples from `.txt`: a line each or, where blank lines stand between, a paragraph each. What is of one of several files has one source.
 * @throws DATA_INVALID, FILE_MISSING
 */
export async function openTextLines(paths: readonly string[], folder: string, reading: Reading): Promise<Samples> {
  const source = paths.length === 1 ? basename(paths[0] ?? folder) : `${basename(folder)} (${paths.length} documents)`;
  const entries: (Entry & { readonly document?: string })[] = [];
  const kinds = new Set<string>();
  for (const path of paths) {
    const name = paths.length === 1 ? basename(path) : relative(folder, path).replaceAll(sep, '/');
    const text = await readText(path);
    const paragraphs = partsOf(text, name, /\n[^\S\n]*\n/g);
    kinds.add(paragraphs.length > 1 ? 'paragraphs (blank lines between them)' : 'lines');
    const parts = paragraphs.length > 1 ? paragraphs : partsOf(text, name, /\n/g);
    for (const part of parts) entries.push(paths.length === 1 ? part : { ...part, document: name });
  }
  const asText = await textReader(reading, source);
  const { samples, notes } = await gatherEntries(source, entries, reading, async ({ where, content, document }) => ({
    ...asText({ text: content }, where),
    ...(document !== undefined && { source: document }),
  }));
  return {
    evidence: 'data',
    source,
    samples,
    notes: [`${source}: ${entries.length} ${[...kinds].join(' or ')}, a sample each`, ...notes, ...asText.notes()],
  };
}

/**
 * Samples from `.jsonl`: each line an object with `text` (and `text_pair`), or with the model's inputs by name, or a list of such objects, the steps of a
 * sequence.
 * @throws DATA_INVALID, FILE_MISSING
 */
export async function openJsonLines(path: string, reading: Reading): Promise<Samples> {
  const name = basename(path);
  const lines = (await readText(path)).split('\n').map((content, index) => ({ where: `${name}:${index + 1}`, content }));
  const entries = lines.filter(({ content }) => content.trim() !== '');
  let reader: TextReader | undefined;
  const { samples, notes } = await gatherEntries(name, entries, reading, async ({ where, content }) => {
    const { rest: value, annotation } = splitAnnotation(parseLine(content, where), reading.wanted, where);
    const text = textOf(value, reading.wanted);
    if (text) {
      reader ??= await textReader(reading, name);
      return { ...reader(text, where), ...annotation };
    }
    const steps: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (steps.length === 0) throw new TersorError('DATA_INVALID', where, 'is a sequence without steps');
    const feeds = steps.map((step, index) => toFeeds(step, reading.wanted, steps.length > 1 ? `${where}[${index}]` : where));
    return { ...toSample(where, feeds, reading.wanted), ...annotation };
  });
  return { evidence: 'data', source: name, samples, notes: [...notes, ...(reader?.notes() ?? [])] };
}

/** What stands between the separators, with the line on which it begins. */
function partsOf(text: string, name: string, separator: RegExp): Entry[] {
  const entries: Entry[] = [];
  let [line, from] = [1, 0];
  for (const end of [
    ...[...text.matchAll(separator)].map(({ index, 0: match }) => ({ index, after: index + match.length })),
    { index: text.length, after: text.length },
  ]) {
    const part = text.slice(from, end.index);
    const content = part.trim();
    const before = part.slice(0, part.length - part.trimStart().length);
    if (content !== '') entries.push({ where: `${name}:${line + before.split('\n').length - 1}`, content });
    line += text.slice(from, end.after).split('\n').length - 1;
    from = end.after;
  }
  return entries;
}

async function gatherEntries<E extends Entry>(
  name: string,
  entries: readonly E[],
  reading: Gathering,
  make: (entry: E) => Promise<Sample>,
) {
  if (entries.length === 0) throw new TersorError('DATA_INVALID', name, 'holds no samples', 'give it a line a sample');
  return gather(entries, reading, make);
}

async function readText(path: string): Promise<string> {
  const text = new TextDecoder().decode(await readBounded(path, MAX_TEXT_BYTES));
  return text.replaceAll('\r\n', '\n');
}

interface TextReader {
  (text: Text, where: string): Sample;
  notes(): string[];
}

/** Samples of texts for a model, and what to say of them when all are read. */
async function textReader({ wanted, model }: Reading, name: string): Promise<TextReader> {
  const inputs = textInputs(wanted, name);
  const encoder = await openTextEncoder(model);
  const max = Math.min(encoder.maxTokens, fixedLength(inputs) ?? encoder.maxTokens);
  const grows = hasGrowingState(wanted);
  let [cut, read] = [0, 0];
  const reader = (text: Text, where: string): Sample => {
    const encoded = encoder.encode(text, max, where);
    if (encoded.ids.length === 0) throw new TersorError('DATA_INVALID', where, 'has no tokens');
    if (encoded.cut) cut++;
    read++;
    const steps = grows ? decoderFeeds : textFeeds;
    return toSample(where, [steps(encoded, inputs, encoder.padding, where)].flat(), wanted);
  };
  const notes = () => [
    `${inputs.map(({ info, role }) => `${info.name} (${role})`).join(', ')} from tokenizer.json, batch of 1, at most ${max} tokens`,
    ...(grows ? ['the last tokens of a text are fed one by one, with the cache of those before'] : []),
    ...(cut > 0 ? [`${cut} of ${read} texts are cut at ${max} tokens`] : []),
  ];
  return Object.assign(reader, { notes });
}

function parseLine(content: string, where: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new TersorError('DATA_INVALID', where, 'is not JSON', 'give one value a line', { cause: error });
  }
}

/** A model that itself has an input called `text` gets feeds. */
function textOf(value: unknown, { inputs }: Wanted): Text | undefined {
  if (typeof value !== 'object' || value === null || !('text' in value) || typeof value.text !== 'string') return undefined;
  if (inputs.some(({ name }) => name === 'text')) return undefined;
  const pair = 'text_pair' in value ? value.text_pair : undefined;
  return { text: value.text, ...(typeof pair === 'string' && { pair }) };
}
