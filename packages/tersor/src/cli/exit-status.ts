import type { ErrorCode, TersorError } from '../core/error.ts';

export const DONE = 0;
export const MISSED = 1;
export const WRONG_USE = 2;
const BAD_INPUT = 3;
const ENVIRONMENT = 4;
const OUR_ERROR = 70;
export const INTERRUPTED = 130;

/** The one place that says what a script sees. */
export const STATUS = {
  USAGE: WRONG_USE,
  OPTION_UNKNOWN: WRONG_USE,
  OPTION_VALUE: WRONG_USE,
  RULE_UNMATCHED: WRONG_USE,
  METHOD_UNKNOWN: WRONG_USE,
  RECIPE_INVALID: WRONG_USE,
  DEVICE_INVALID: WRONG_USE,
  REPORT_INVALID: WRONG_USE,
  SHAPE: WRONG_USE,
  LAYOUT: WRONG_USE,
  DATA_INVALID: WRONG_USE,
  FILE_EXISTS: WRONG_USE,
  FILE_MISSING: BAD_INPUT,
  FILE_CORRUPT: BAD_INPUT,
  FILE_LIMIT: BAD_INPUT,
  FILE_UNSUPPORTED: BAD_INPUT,
  BASE_MISSING: BAD_INPUT,
  MODEL_INVALID: BAD_INPUT,
  RUN_FAILED: BAD_INPUT,
  FILE_WRITE: ENVIRONMENT,
  ENGINE_MISSING: ENVIRONMENT,
  ENGINE_CRASHED: ENVIRONMENT,
  PROMISE_MISSED: MISSED,
  INTERRUPTED,
  INTERNAL: OUR_ERROR,
} as const satisfies Record<ErrorCode, number>;

/** What each status means, for help. */
export const STATUS_MEANINGS: Readonly<Record<number, string>> = {
  [DONE]: 'done and every promise kept, or nothing to gain',
  [MISSED]: 'a promise was missed; the file is not left behind unless --keep',
  [WRONG_USE]: 'wrong use',
  [BAD_INPUT]: 'unreadable or hostile input',
  [ENVIRONMENT]: 'the environment lacks something',
  [OUR_ERROR]: 'an error of ours',
  [INTERRUPTED]: 'interrupted',
};

export function statusOf(error: TersorError): number {
  return STATUS[error.code];
}
