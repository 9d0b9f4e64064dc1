import { TsrError } from './error.ts';

/** @throws unsupported where there is not so much memory */
export function roomFor(bytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch {
    throw new TsrError('unsupported', `holds ${bytes} bytes: too many for here`);
  }
}
