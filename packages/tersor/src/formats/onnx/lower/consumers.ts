import { eachGraph, type Graph, type Node } from '../../../core/graph.ts';

/** Who reads a value, over all graphs of a model, by name: where two graphs use one name, their readers are not told apart. */
export interface Consumers {
  /**
   * The operators between `name` and `ends` that only pass it on (Identity, Transpose), or undefined when anything else reads the value
   * on the way: those operators are not needed any more once all of `ends` are gone.
   */
  between(name: string, ends: ReadonlySet<Node>): Node[] | undefined;
}

export function consumersOf(root: Graph): Consumers {
  const readers = new Map<string, Node[]>();
  const outputs = new Set<string>();
  for (const { graph } of eachGraph(root)) {
    for (const { name } of graph.outputs) outputs.add(name);
    for (const node of graph.nodes) {
      for (const input of new Set(node.inputs)) addTo(readers, input, node);
    }
  }
  return {
    between: (name, ends) => {
      const passed: Node[] = [];
      const waiting = [name];
      for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
        if (outputs.has(value)) return undefined;
        for (const node of readers.get(value) ?? []) {
          if (ends.has(node)) continue;
          const [output] = node.outputs;
          if (!isPassing(node) || !output) return undefined;
          passed.push(node);
          waiting.push(output);
        }
      }
      return passed;
    },
  };
}

function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function isPassing({ op, domain }: Node): boolean {
  return domain === '' && (op === 'Identity' || op === 'Transpose');
}
