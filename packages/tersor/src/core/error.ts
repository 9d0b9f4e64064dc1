/** Every error a user can meet. The code is stable; the wording may improve. `tersor explain <code>` prints the page in docs/errors. */
export const ERRORS = {
  USAGE: 'the command line or a call asks for something that does not exist',
  OPTION_UNKNOWN: 'a method or command does not have this option',
  OPTION_VALUE: 'an option has a value outside its range',
  RULE_UNMATCHED: 'a rule selects no weight',
  METHOD_UNKNOWN: 'no method has this name',
  RECIPE_INVALID: 'the recipe is not one',
  DEVICE_INVALID: 'the profile of a device is not one',
  REPORT_INVALID: 'the report is not one, or not of this model',
  SHAPE: 'a weight has a shape the method cannot take',
  LAYOUT: 'a weight is already compressed, or the format cannot store it this way',
  DATA_INVALID: 'the data does not fit the model',
  FILE_MISSING: 'a file cannot be found or opened',
  FILE_EXISTS: 'the output exists already',
  FILE_CORRUPT: 'the file contradicts itself',
  FILE_LIMIT: 'the file asks for more than any honest file does',
  FILE_UNSUPPORTED: 'the file is in a format or version that tersor does not read',
  BASE_MISSING: 'the file is a difference to another one, which was not given',
  FILE_WRITE: 'the output cannot be written',
  MODEL_INVALID: 'the runtime refuses the model',
  RUN_FAILED: 'the model loads, but running it fails',
  ENGINE_MISSING: 'no runtime can be loaded',
  ENGINE_CRASHED: 'the runtime died',
  PROMISE_MISSED: 'the result does not keep what was asked',
  INTERRUPTED: 'stopped on request',
  INTERNAL: 'an error of ours',
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** The only error class. `where` says what was being handled, `hint` says what to do next. */
export class TersorError extends Error {
  readonly code: ErrorCode;
  readonly where: string;
  /** The message without place, hint and code. */
  readonly what: string;
  readonly hint: string;

  constructor(code: ErrorCode, where: string, what: string, hint = '', options?: ErrorOptions) {
    super(`${where}: ${what}${hint && `\n  ${hint}`} [${code}]`, options);
    this.name = 'TersorError';
    this.code = code;
    this.where = where;
    this.what = what;
    this.hint = hint;
  }
}
