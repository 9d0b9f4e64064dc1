import type { Operand } from '../core/evaluate-small/evaluate.ts';
import { integersIn } from '../core/evaluate-small/known.ts';
import { type Graph, intAttribute, intsAttribute, type Node } from '../core/graph.ts';
import type { Dims } from '../core/shape-arithmetic.ts';
import type { Body, Program } from './value.ts';

/** A graph that was followed. */
export interface Enclosed {
  readonly program: Program;
  /** What is known of its outputs. */
  readonly outputs: readonly Operand[];
}

export interface Following {
  /** @param given  what is known of the subgraph's inputs */
  follow(inner: Graph, attribute: string, given: ReadonlyMap<string, Operand>): Promise<Enclosed>;
  note(note: string): void;
}

/** A limit that a loop may well reach. Exporters write the largest integer where they mean none. */
const MOST_RUNS = 65_536;

/** The subgraphs of If, Loop and Scan, how often they run, and the shapes of the node's outputs. Others are followed once. */
export async function enclose(
  node: Node,
  operands: readonly Operand[],
  following: Following,
): Promise<{ readonly dims: readonly (Dims | undefined)[]; readonly bodies: readonly Body[] }> {
  switch (node.op) {
    case 'If':
      return branches(node, operands, following);
    case 'Loop':
      return loop(node, operands, following);
    case 'Scan':
      return scan(node, operands, following);
    default:
      return unknown(node, following);
  }
}

/** Both branches; the one that is not taken, where the condition follows from shapes, runs no time. */
async function branches(node: Node, [condition]: readonly Operand[], { follow }: Following) {
  const value = condition?.known?.values[0];
  const taken = value === undefined ? undefined : Number(value) === 0 ? 'else_branch' : 'then_branch';
  const bodies: Body[] = [];
  const shapes: (readonly (Dims | undefined)[])[] = [];
  for (const [name, inner] of node.graphs) {
    const { program, outputs } = await follow(inner, name, new Map());
    const isTaken = taken === undefined || taken === name;
    bodies.push({ program, runs: isTaken ? 1 : 0 });
    if (isTaken) shapes.push(outputs.map(({ shape }) => shape));
  }
  return { dims: node.outputs.map((_, i) => mostOf(shapes.map((dims) => dims[i]))), bodies };
}

function mostOf([first, ...others]: readonly (Dims | undefined)[]): Dims | undefined {
  return others.reduce(largest, first);
}

/** The larger of two shapes in every size, since either branch may be taken. */
function largest(a: Dims | undefined, b: Dims | undefined): Dims | undefined {
  if (!a || !b || a.length !== b.length) return undefined;
  return a.map((size, axis) => (size === undefined || b[axis] === undefined ? undefined : Math.max(size, b[axis])));
}

async function loop(node: Node, operands: readonly Operand[], { follow, note }: Following) {
  const inner = node.graphs.get('body');
  if (!inner) return { dims: [], bodies: [] };
  const limit = operands[0]?.known ? integersIn(operands[0].known)?.[0] : undefined;
  const runs = limit !== undefined && limit >= 0 && limit <= MOST_RUNS ? limit : undefined;
  note(
    runs === undefined
      ? `${labelOf(node)}: a Loop whose end depends on values; its body is counted once`
      : `${labelOf(node)}: a Loop is counted ${runs} times, the most that it may run`,
  );
  const carried = node.inputs.length - 2;
  const { program, outputs } = await follow(inner, 'body', given(inner, [{ shape: [] }, { shape: [] }, ...operands.slice(2)]));
  return {
    dims: node.outputs.map((_, i) => {
      const shape = outputs[i + 1]?.shape;
      return i < carried ? shape : shape && [runs, ...shape];
    }),
    bodies: [{ program, runs: runs ?? 1 }],
  };
}

/** Source: https://onnx.ai/onnx/operators/onnx__Scan.html, since version 9. */
async function scan(node: Node, operands: readonly Operand[], { follow, note }: Following) {
  const inner = node.graphs.get('body');
  if (!inner) return { dims: [], bodies: [] };
  const scanned = intAttribute(node, 'num_scan_inputs', 1);
  const states = node.inputs.length - scanned;
  const axes = intsAttribute(node, 'scan_input_axes') ?? [];
  const lengths = operands.slice(states).map(({ shape }, i) => shape?.at(axes[i] ?? 0));
  const runs = lengths.find((length) => length !== undefined);
  if (runs === undefined) note(`${labelOf(node)}: a Scan over an unknown number of elements; its body is counted once`);
  const slices = operands.slice(states).map(({ shape }, i) => ({ ...(shape && { shape: shape.toSpliced(axes[i] ?? 0, 1) }) }));
  const { program, outputs } = await follow(inner, 'body', given(inner, [...operands.slice(0, states), ...slices]));
  return {
    dims: node.outputs.map((_, i) => {
      const shape = outputs[i]?.shape;
      return i < states ? shape : shape && [runs, ...shape];
    }),
    bodies: [{ program, runs: runs ?? 1 }],
  };
}

async function unknown(node: Node, { follow, note }: Following) {
  const bodies: Body[] = [];
  for (const [name, inner] of node.graphs) bodies.push({ program: (await follow(inner, name, new Map())).program, runs: 1 });
  note(`${labelOf(node)}: what ${node.op} does with its subgraph is not known; it is counted once`);
  return { dims: [], bodies };
}

/** What a body's inputs are told; values change from run to run, so only shapes are. */
function given(inner: Graph, operands: readonly Operand[]): Map<string, Operand> {
  return new Map(
    inner.inputs.map(({ name }, i) => {
      const shape = operands[i]?.shape;
      return [name, shape ? { shape } : {}];
    }),
  );
}

function labelOf({ name, op, outputs }: Node): string {
  return name || (outputs[0] ?? op);
}
