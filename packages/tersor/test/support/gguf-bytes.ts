/** A GGUF file whose every number can be wrong. */
export interface GgufFile {
  readonly version?: number;
  readonly tensorCount?: bigint;
  readonly pairCount?: bigint;
  /** Key, type and value of each. */
  readonly pairs?: readonly ArrayLike<number>[];
  readonly tensors?: readonly GgufTensor[];
  /** Bytes behind the header, all zero. */
  readonly data?: number;
}

export interface GgufTensor {
  readonly name: string;
  readonly rank?: number;
  /** Innermost first, as in the file. */
  readonly dims: readonly bigint[];
  readonly type: number;
  readonly offset: bigint;
}

/** Of 32-bit floats. */
export function tensor(name: string, dims: readonly number[], offset = 0n): GgufTensor {
  return { name, dims: dims.map(BigInt), type: 0, offset };
}

export function ggufBytes({ version = 3, tensorCount, pairCount, pairs = [], tensors = [], data = 0 }: GgufFile): Uint8Array {
  const header = [
    Buffer.from('GGUF'),
    u32(version),
    u64(tensorCount ?? BigInt(tensors.length)),
    u64(pairCount ?? BigInt(pairs.length)),
    ...pairs.map((pair) => Uint8Array.from(pair)),
    ...tensors.flatMap(({ name, rank, dims, type, offset }) => [
      words(name),
      u32(rank ?? dims.length),
      ...dims.map(u64),
      u32(type),
      u64(offset),
    ]),
  ];
  const length = header.reduce((sum, part) => sum + part.length, 0);
  return new Uint8Array(Buffer.concat([...header, new Uint8Array((32 - (length % 32)) % 32), new Uint8Array(data)]));
}

export function words(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return new Uint8Array(Buffer.concat([u64(BigInt(bytes.length)), bytes]));
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}
