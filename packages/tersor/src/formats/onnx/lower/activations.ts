import { makeNode, type Node } from '../../../core/graph.ts';
import type { Builder } from './builder.ts';

/** The activations that one graph quantizes when it runs: each once, however many products read it. */
export interface Activations {
  /** The 8-bit codes of a value, their scale and zero point, and the operators that compute them where no operator before did. */
  quantized(value: string): QuantizedValue;
}

export interface QuantizedValue {
  readonly nodes: readonly Node[];
  readonly codes: string;
  readonly scale: string;
  readonly zero: string;
}

/** Sound for operators that are lowered in the order in which they run. */
export function openActivations(builder: Builder): Activations {
  const known = new Map<string, QuantizedValue>();
  return {
    quantized: (value) => {
      const before = known.get(value);
      if (before) return before;
      const [codes, scale, zero] = [builder.name(), builder.name(), builder.name()];
      const node = { ...makeNode('DynamicQuantizeLinear', [value], [codes, scale, zero]), name: '' };
      known.set(value, { nodes: [], codes, scale, zero });
      return { nodes: [node], codes, scale, zero };
    },
  };
}
