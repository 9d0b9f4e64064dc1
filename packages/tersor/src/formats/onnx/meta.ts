import type { Range } from '../ranges.ts';

/** Facts about an ONNX file that only its writer needs; `Meta.format` of such a model. */
export interface OnnxMeta {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: bigint;
  readonly doc: string;
  /** Functions and training information, still in the file they came from. */
  readonly carried: readonly Range[];
  /** Fields of later versions, as encoded. */
  readonly extra: Uint8Array;
}

const KEYS = ['irVersion', 'producerName', 'producerVersion', 'domain', 'modelVersion', 'doc', 'carried', 'extra'];

const NONE: OnnxMeta = {
  irVersion: 0,
  producerName: 'tersor',
  producerVersion: '',
  domain: '',
  modelVersion: 0n,
  doc: '',
  carried: [],
  extra: new Uint8Array(),
};

/** `Meta.format` as this format's reader made it; empty facts for models from elsewhere. */
export function onnxMeta(format: unknown): OnnxMeta {
  return isOnnxMeta(format) ? format : NONE;
}

function isOnnxMeta(format: unknown): format is OnnxMeta {
  return typeof format === 'object' && format !== null && KEYS.every((key) => key in format);
}
