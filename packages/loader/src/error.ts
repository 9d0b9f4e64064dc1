/** What a damaged, hostile or newer file is answered with; never a wrong tensor. */
export class TsrError extends Error {
  readonly code: 'corrupt' | 'unsupported' | 'unreachable' | 'base';

  constructor(code: TsrError['code'], what: string) {
    super(what);
    this.name = 'TsrError';
    this.code = code;
  }
}

/** Without words: only whoever makes such files learns from them. */
export function corrupt(what = 'contradicts itself'): TsrError {
  return new TsrError('corrupt', what);
}

/** It has what a later version knows. */
export function later(what: string): TsrError {
  return new TsrError('unsupported', `has ${what}, which is of a later version`);
}
