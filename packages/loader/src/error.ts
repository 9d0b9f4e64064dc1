/** What a damaged, hostile or newer file is answered with; never a wrong tensor. */
export class TsrError extends Error {
  readonly code: 'corrupt' | 'unsupported' | 'unreachable';

  constructor(code: TsrError['code'], what: string) {
    super(what);
    this.name = 'TsrError';
    this.code = code;
  }
}

export function corrupt(what: string): TsrError {
  return new TsrError('corrupt', what);
}
