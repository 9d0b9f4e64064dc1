import type { Arithmetic, OperatorFamily } from '../../core/cost.ts';
import type { DType } from '../../core/dtype.ts';
import type { Operator, Value } from '../value.ts';

/** What an operator has to do. Undefined where it depends on something unknown. */
export interface Work {
  readonly family: OperatorFamily;
  readonly arithmetic: Arithmetic;
  readonly macs: number | undefined;
  readonly operations: number | undefined;
}

/** The work of one operator; one function for all operators of a kind. */
export type Count = (operator: Operator) => Work;

/** Products, and nothing else. */
export function products(family: OperatorFamily, macs: number | undefined, arithmetic: Arithmetic): Work {
  return { family, arithmetic, macs, operations: 0 };
}

/** Anything but products. */
export function steps(family: OperatorFamily, operations: number | undefined, value: Value | undefined): Work {
  return { family, arithmetic: arithmeticOf(value?.dtype), macs: 0, operations };
}

export function arithmeticOf(dtype: DType | 'string' | undefined): Arithmetic {
  if (dtype === 'f64') return 'f64';
  if (dtype === 'f16' || dtype === 'bf16') return 'f16';
  return dtype === 'i8' || dtype === 'u8' ? 'i8' : 'f32';
}
