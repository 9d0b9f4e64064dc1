import { fileOf, stemOf } from './names.ts';

/** What a file's name says of its model: `onnx/model_q4f16.onnx` is `onnx/model` in q4f16. */
export interface NamedPrecision {
  /** Without the precision and `.onnx`. */
  readonly base: string;
  /** As it is written; empty where the name says nothing. */
  readonly suffix: string;
  /** Less is more precise. */
  readonly rank: number;
}

/** Suffixes that exporters use, the most precise first: transformers.js, Optimum, sentence-transformers, sherpa-onnx, tersor. */
const SUFFIXES: readonly RegExp[] = [
  /^(|fp32|float32|o[123])$/,
  /^(fp16|float16|half|o4)$/,
  /^(quantized|quant|q8|u?int8|qu?int8(_[a-z0-9_]+)?|min)$/,
  /^(q4|int4|bnb4|q4f16)$/,
  /^(q2|q2f16)$/,
  /^(q1|q1f16)$/,
];

/** The precision that a name ends in, behind `_`, `.` or `-`. */
export function precisionOf(name: string): NamedPrecision {
  const whole = stemOf(name);
  const file = fileOf(whole);
  for (const { index } of file.matchAll(/[_.-]/g)) {
    const suffix = file.slice(index + 1);
    const rank = SUFFIXES.findIndex((pattern) => pattern.test(suffix.toLowerCase()));
    if (index > 0 && suffix !== '' && rank >= 0) return { base: whole.slice(0, whole.length - suffix.length - 1), suffix, rank };
  }
  return { base: whole, suffix: '', rank: 0 };
}
