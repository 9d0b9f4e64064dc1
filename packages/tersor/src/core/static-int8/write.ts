import { elementsOf } from '../dtype.ts';
import { type Graph, intAttribute, makeNode, type Node } from '../graph.ts';
import { freshName } from '../graph-edit/names.ts';
import { countUses } from '../graph-edit/uses.ts';
import { type Model, type Weight, withGraph } from '../model.ts';
import { constantOf, readersOf } from '../precision/flow.ts';
import { takenNames } from '../taken-names.ts';
import { type CodeType, codesOn, computed, floatsOf, type Grid, gridOf } from './grids.ts';
import { operandsOf, outputAxis } from './operators.ts';
import { type IntegerPlan, makesCodes } from './plan.ts';

/** A constant weight as integers around zero, one scale per output. */
export interface IntegerWeight {
  /** In the weight's own order, from -128. */
  codes(): Promise<Int8Array>;
  scales(): Promise<Float32Array>;
}

export interface WriteOptions {
  /** qdq: floats between QuantizeLinear and DequantizeLinear, which runtimes fuse; qoperator: the fused operators themselves. */
  readonly format: 'qdq' | 'qoperator';
  readonly activations: CodeType;
  readonly weights: CodeType;
  /** The grid of a value of the plan, when the file is written. */
  gridOf(value: string): Promise<Grid>;
  integers(weight: Weight, axis: number): IntegerWeight;
}

const MICROSOFT = 'com.microsoft';

/** Names of what an operand of integers is made of. `float` is the same as a float, for operators between floats. */
interface Operand {
  readonly codes: string;
  readonly scale: string;
  readonly zero: string;
  float(): string;
}

/** The model in which the nodes of `plan` compute with integers. */
export function writeIntegers(model: Model & { readonly graph: Graph }, plan: IntegerPlan, options: WriteOptions): Model {
  const { graph } = model;
  const { flow, kinds } = plan;
  const taken = takenNames(graph);
  const weights = new Map(model.weights);
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const absorbed = new Set(plan.absorbed.values());
  const isQdq = options.format === 'qdq';
  const add = (node: Node) => void nodes.push(node);
  // unnamed: nodes are often called like what they compute, which is now computed by these
  const addNode = (...made: Parameters<typeof makeNode>) => add({ ...makeNode(...made), name: '' });
  const fresh = (base: string) => freshName(taken, base);
  const declare = (make: (id: string) => Weight, base: string): string => {
    const name = fresh(base);
    const weight = make(name);
    weights.set(weight.id, weight);
    initializers.set(name, weight.id);
    return name;
  };
  const constant = (name: string) => model.weights.get(constantOf(flow, name) ?? '');

  const grids = new Map<string, { readonly scale: string; readonly zero: string }>();
  const gridNames = (value: string) => {
    const root = plan.rootOf(value);
    const known = grids.get(root);
    if (known) return known;
    const grid = () => options.gridOf(root);
    const scale = declare((id) => computed(id, 'f32', [], async () => Float32Array.of((await grid()).scale)), `${root}_scale`);
    const zero = declare(
      (id) => computed(id, options.activations, [], async () => Uint8Array.of((await grid()).zero & 0xff)),
      `${root}_zero`,
    );
    grids.set(root, { scale, zero });
    return { scale, zero };
  };

  /** Values that are there as codes, by their name as floats. */
  const operands = new Map<string, Operand>();
  const dequantized = (value: string, codes: string, as: string): Operand => {
    const { scale, zero } = gridNames(value);
    let isThere = false;
    const float = () => {
      if (!isThere) addNode('DequantizeLinear', [codes, scale, zero], [as]);
      isThere = true;
      return as;
    };
    return { codes, scale, zero, float };
  };
  const quantize = (float: string, value: string): string => {
    const { scale, zero } = gridNames(value);
    const codes = fresh(`${value}_codes`);
    addNode('QuantizeLinear', [float, scale, zero], [codes]);
    return codes;
  };
  /** Whether somebody reads the value as floats: what is not in the plan, and all that computes between floats. */
  const isReadAsFloats = (value: string) =>
    outputs.has(value) ||
    readersOf(flow, value).some(({ node, input }) => {
      const kind = kinds.get(node);
      return kind === undefined || !operandsOf(node, kind).includes(input);
    });
  /** What the plan made: floats have the value's own name. */
  const made = (value: string, codes: string) => {
    const operand = dequantized(value, codes, value);
    operands.set(value, operand);
    if (isReadAsFloats(value)) operand.float();
  };
  /** What floats made, and integers read. */
  const rounded = (value: string) => {
    if (plan.values.has(value)) operands.set(value, dequantized(value, quantize(value, value), fresh(`${value}_rounded`)));
  };

  /** A node that gives floats. */
  const float = (node: Node) => {
    add(node);
    for (const name of node.outputs) rounded(name);
  };

  const constants = new Map<string, Operand>();
  const constantOperand = (name: string, weight: Weight): Operand => {
    const known = constants.get(name);
    if (known) return known;
    const type = options.activations;
    const grid = async () => gridOf(await floatsOf(weight), type);
    const codes = declare(
      (id) => computed(id, type, weight.shape, async () => codesOn(await grid(), await floatsOf(weight), type), weight),
      `${name}_codes`,
    );
    const scale = declare((id) => computed(id, 'f32', [], async () => Float32Array.of((await grid()).scale)), `${name}_scale`);
    const zero = declare((id) => computed(id, type, [], async () => Uint8Array.of((await grid()).zero & 0xff)), `${name}_zero`);
    const operand = lazily(codes, scale, zero, `${name}_float`, {});
    constants.set(name, operand);
    return operand;
  };
  const lazily = (codes: string, scale: string, zero: string, base: string, attributes: { axis?: number }): Operand => {
    let name: string | undefined;
    const float = () => {
      if (name === undefined) {
        name = fresh(base);
        addNode('DequantizeLinear', [codes, scale, ...(zero ? [zero] : [])], [name], attributes);
      }
      return name;
    };
    return { codes, scale, zero, float };
  };

  const matrices = new Map<string, Operand & { readonly integers: IntegerWeight }>();
  const weightOperand = (name: string, weight: Weight, axis: number) => {
    const known = matrices.get(name);
    if (known) return known;
    const integers = options.integers(weight, axis);
    const type = options.weights;
    const shape = [weight.shape[axis] ?? 1];
    const codes = declare(
      (id) => computed(id, type, weight.shape, async () => inType(await integers.codes(), type), weight),
      `${name}_codes`,
    );
    const scale = declare((id) => computed(id, 'f32', shape, () => integers.scales(), weight), `${name}_scale`);
    const zero = declare(
      (id) => computed(id, type, shape, () => new Uint8Array(elementsOf(shape)).fill(type === 'u8' ? 128 : 0)),
      `${name}_zero`,
    );
    const operand = { ...lazily(codes, scale, zero, `${name}_float`, { axis }), integers };
    matrices.set(name, operand);
    return operand;
  };
  /** In steps of what a product of codes is worth. */
  const biasOperand = (name: string, bias: Weight, input: string, integers: IntegerWeight): Operand => {
    const root = plan.rootOf(input);
    const steps = async () => {
      const [{ scale }, scales] = [await options.gridOf(root), await integers.scales()];
      return scales.map((each) => each * scale);
    };
    const codes = declare(
      (id) => computed(id, 'i32', bias.shape, async () => inSteps(await floatsOf(bias), await steps()), bias),
      `${name}_codes`,
    );
    const scale = isQdq ? declare((id) => computed(id, 'f32', bias.shape, steps), `${name}_scale`) : '';
    return lazily(codes, scale, '', `${name}_float`, { axis: 0 });
  };

  const operandAt = (node: Node, index: number): Operand => {
    const name = node.inputs[index] ?? '';
    const weight = constant(name);
    const kind = kinds.get(node);
    if (weight) return kind === 'arithmetic' ? constantOperand(name, weight) : weightOperand(name, weight, outputAxis(node));
    return operands.get(name)!;
  };

  const emit = (node: Node) => {
    const kind = kinds.get(node)!;
    const [out = ''] = node.outputs;
    if (kind === 'moving') {
      const { codes } = operandAt(node, 0);
      const moved = fresh(`${out}_codes`);
      add({ ...node, inputs: [codes, ...node.inputs.slice(1)], outputs: [moved] });
      return made(out, moved);
    }
    const value = plan.outputOf(node);
    const indices = operandsOf(node, kind);
    const parts = new Map(indices.map((index) => [index, operandAt(node, index)]));
    const [name, input] = [node.inputs[1] ?? '', node.inputs[0] ?? ''];
    const weight = kind === 'arithmetic' ? undefined : constant(name);
    if (kind !== 'arithmetic' && weight) {
      const matrix = weightOperand(name, weight, outputAxis(node));
      parts.set(1, matrix);
      const bias = node.inputs[2] ? constant(node.inputs[2]) : undefined;
      if (bias) parts.set(2, biasOperand(node.inputs[2]!, bias, input, matrix.integers));
    }
    // onnxruntime moves a Transpose of keys behind the codes, and then does not see the product any more
    if (isQdq && (makesCodes(kind) || weight)) {
      const inputs = node.inputs.map((each, index) => parts.get(index)?.float() ?? each);
      if (!makesCodes(kind)) return float({ ...node, inputs });
      const raw = fresh(`${value}_raw`);
      add({ ...node, inputs, outputs: [raw] });
      return made(value, quantize(raw, value));
    }
    if (!makesCodes(kind)) return float(productOf(node, parts));
    const codes = fresh(`${value}_codes`);
    const { scale, zero } = gridNames(value);
    add(fused(node, parts, [scale, zero], codes));
    made(value, codes);
  };

  for (const { name } of graph.inputs) rounded(name);
  for (const node of graph.nodes) {
    if (absorbed.has(node)) continue;
    if (kinds.has(node)) emit(node);
    else float(unread(node));
  }
  const written = countUses({ ...graph, nodes });
  const needed = [...initializers].filter(([name]) => written.has(name));
  return withGraph(model, { ...graph, nodes, initializers: new Map(needed) }, weights);

  /**
   * A convolution or product that stays between floats. Where it reads what codes stand for, onnxruntime would give its weight 8 bits and a single scale
   * (WeightBiasQuantization), unless the codes have a scale for each channel.
   */
  function unread(node: Node): Node {
    const [value = '', name = ''] = node.inputs;
    const operand = operands.get(value);
    const weight = constant(name);
    if (!operand || !plan.values.has(plan.rootOf(value)) || !weight || !['Conv', 'ConvTranspose', 'Gemm'].includes(node.op)) return node;
    if (operand.float() !== value) return node;
    const channels = channelsOf(node, weight);
    const grid = () => options.gridOf(plan.rootOf(value));
    const scale = declare(
      (id) => computed(id, 'f32', [channels], async () => new Float32Array(channels).fill((await grid()).scale)),
      `${value}_scales`,
    );
    const zero = declare(
      (id) => computed(id, options.activations, [channels], async () => new Uint8Array(channels).fill((await grid()).zero & 0xff)),
      `${value}_zeros`,
    );
    const float = fresh(`${value}_apart`);
    addNode('DequantizeLinear', [operand.codes, scale, zero], [float], { axis: 1 });
    return { ...node, inputs: [float, ...node.inputs.slice(1)] };
  }
}

function channelsOf(node: Node, { shape }: Weight): number {
  if (node.op === 'ConvTranspose') return shape[0] ?? 1;
  if (node.op === 'Gemm') return shape[1 - outputAxis(node)] ?? 1;
  return (shape[1] ?? 1) * intAttribute(node, 'group', 1);
}

/** Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md */
function productOf(node: Node, parts: ReadonlyMap<number, Operand>): Node {
  const [a, b, bias] = [parts.get(0)!, parts.get(1)!, parts.get(2)];
  if (node.op === 'Gemm') {
    const inputs = [a.codes, a.scale, a.zero, b.codes, b.scale, b.zero, ...(bias ? [bias.codes] : [])];
    return { ...makeNode('QGemm', inputs, node.outputs, {}, MICROSOFT), name: node.name, attributes: keep(node, 'transB') };
  }
  const inputs = [a.codes, b.codes, a.scale, b.scale, a.zero, b.zero];
  return { ...makeNode('MatMulIntegerToFloat', inputs, node.outputs, {}, MICROSOFT), name: node.name };
}

function fused(node: Node, parts: ReadonlyMap<number, Operand>, output: readonly [string, string], codes: string): Node {
  const operands = [...parts].sort(([a], [b]) => a - b).map(([, operand]) => [operand.codes, operand.scale, operand.zero]);
  if (node.op === 'Conv') {
    const [x = [], w = [], bias] = operands;
    return { ...node, op: 'QLinearConv', inputs: [...x, ...w, ...output, ...(bias ? [bias[0] ?? ''] : [])], outputs: [codes] };
  }
  const inputs = node.op === 'Concat' ? [...output, ...operands.flat()] : [...operands.flat(), ...output];
  return { ...node, op: `QLinear${node.op}`, domain: MICROSOFT, inputs, outputs: [codes] };
}

function keep(node: Node, ...names: readonly string[]): Node['attributes'] {
  return new Map([...node.attributes].filter(([name]) => names.includes(name)));
}

function inType(codes: Int8Array, type: CodeType): Uint8Array {
  return type === 'u8' ? Uint8Array.from(codes, (code) => code + 128) : new Uint8Array(codes.buffer, codes.byteOffset, codes.length);
}

function inSteps(values: Float32Array, steps: Float32Array): Int32Array {
  const most = 2 ** 31 - 1;
  return Int32Array.from(values, (value, i) => Math.min(most, Math.max(-most, Math.round(value / (steps[i] || 1)))));
}
