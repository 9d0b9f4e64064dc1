import type { ValueInfo } from './graph.ts';

/** An output that becomes an input of the next step. */
export interface StateLink {
  readonly input: string;
  readonly output: string;
}

/** How exporters name the two ends; the first rule that fits an input decides. */
const NAMES: readonly ((input: string) => readonly string[])[] = [
  (input) =>
    /^past(_key_values)?/.test(input)
      ? [input.replace(/^past(_key_values)?/, 'present'), input.replace(/^past(_key_values)?/, 'present_key_values')]
      : [],
  (input) => (/[._](in|input)$/.test(input) ? [input.replace(/in(put)?$/, (end) => (end === 'in' ? 'out' : 'output'))] : []),
  (input) =>
    /(^|[._])(in|input)[._]/.test(input) ? [input.replace(/(^|[._])in(put)?([._])/, (_, a, put, b) => `${a}out${put ?? ''}${b}`)] : [],
  (input) => (/(^|[._])prev(ious)?[._]/.test(input) ? [input.replace(/prev(ious)?/, 'next'), input.replace(/(prev(ious)?)[._]/, '')] : []),
  (input) => [
    `${input}N`,
    `${input}n`,
    `${input}_n`,
    `${input}_out`,
    `${input}_output`,
    `new_${input}`,
    `next_${input}`,
    `${input}_next`,
    `updated_${input}`,
  ],
];

/**
 * Which outputs are fed back, by their names, for pairs of the same type whose shapes do not contradict each other. A model without
 * state has none.
 */
export function stateLinks(inputs: readonly ValueInfo[], outputs: readonly ValueInfo[]): StateLink[] {
  const free = new Map(outputs.map((output) => [output.name, output]));
  const links: StateLink[] = [];
  for (const input of inputs) {
    const output = NAMES.flatMap((rule) => rule(input.name))
      .filter((name) => name !== input.name)
      .map((name) => free.get(name))
      .find((candidate) => candidate && couldBe(input, candidate));
    if (!output) continue;
    free.delete(output.name);
    links.push({ input: input.name, output: output.name });
  }
  return links;
}

function couldBe(input: ValueInfo, output: ValueInfo): boolean {
  if (input.dtype !== output.dtype) return false;
  if (!input.shape || !output.shape) return true;
  if (input.shape.length !== output.shape.length) return false;
  return input.shape.every((dim, axis) => {
    const other = output.shape?.[axis];
    return typeof dim !== 'number' || typeof other !== 'number' || dim === other;
  });
}
