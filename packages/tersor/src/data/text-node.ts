import { basename } from 'node:path';
import { TersorError } from '../core/error.ts';
import type { Sample, Samples } from '../core/samples.ts';
import type { Text } from './encode-text.ts';
import { type Gathering, gather } from './gather.ts';
import { readBounded } from './read-bounded-node.ts';
import type { Reading } from './reading.ts';
import { fixedLength, textFeeds, textInputs } from './text-feeds.ts';
import { toFeeds, toSample, type Wanted } from './to-feeds.ts';
import { openTextEncoder } from './tokenizer-node.ts';

/** More than sampling needs; a larger corpus is better cut than read. */
const MAX_TEXT_BYTES = 2 ** 28;

interface Entry {
  readonly where: string;
  readonly content: string;
}

/**
 * Samples from `.txt`: a line each or, where blank lines stand between, a paragraph each.
 * @throws DATA_INVALID, FILE_MISSING
 */
export async function openTextLines(path: string, reading: Reading): Promise<Samples> {
  const name = basename(path);
  const text = await readText(path);
  const paragraphs = text.split(/\n[^\S\n]*\n/).flatMap((part) => part.trim() || []);
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  const found = paragraphs.length > 1 ? paragraphs : lines;
  const entries = found.map((content, index) => ({ where: `${name}[${index}]`, content }));
  const asText = await textReader(reading, name);
  const { samples, notes } = await gatherEntries(name, entries, reading, async ({ where, content }) => asText({ text: content }, where));
  const how = paragraphs.length > 1 ? 'paragraphs (blank lines between them)' : 'lines';
  return {
    evidence: 'data',
    source: name,
    samples,
    notes: [`${name}: ${found.length} ${how}, a sample each`, ...notes, ...asText.notes()],
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
    const value = parseLine(content, where);
    const text = textOf(value, reading.wanted);
    if (text) {
      reader ??= await textReader(reading, name);
      return reader(text, where);
    }
    const steps: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (steps.length === 0) throw new TersorError('DATA_INVALID', where, 'is a sequence without steps');
    const feeds = steps.map((step, index) => toFeeds(step, reading.wanted, steps.length > 1 ? `${where}[${index}]` : where));
    return toSample(where, feeds, reading.wanted);
  });
  return { evidence: 'data', source: name, samples, notes: [...notes, ...(reader?.notes() ?? [])] };
}

async function gatherEntries(name: string, entries: readonly Entry[], reading: Gathering, make: (entry: Entry) => Promise<Sample>) {
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
  let [cut, read] = [0, 0];
  const reader = (text: Text, where: string): Sample => {
    const encoded = encoder.encode(text, max, where);
    if (encoded.ids.length === 0) throw new TersorError('DATA_INVALID', where, 'has no tokens');
    if (encoded.cut) cut++;
    read++;
    return toSample(where, [textFeeds(encoded, inputs, encoder.padding, where)], wanted);
  };
  const notes = () => [
    `${inputs.map(({ info, role }) => `${info.name} (${role})`).join(', ')} from tokenizer.json, batch of 1, at most ${max} tokens`,
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
