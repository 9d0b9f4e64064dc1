import { ERRORS, type ErrorCode, TersorError } from '../../core/error.ts';
import { nearest } from '../../core/nearest.ts';
import { DONE } from '../exit-status.ts';
import { errorIndex, errorPage } from '../screens/error-page.ts';
import type { Shell } from '../shell.ts';

/** The page of an error's code, or the list of all codes. */
export async function explainCommand(code: string | undefined, { out }: Shell): Promise<number> {
  out.write(code === undefined ? errorIndex(out) : errorPage(codeNamed(code), out));
  return DONE;
}

function codeNamed(text: string): ErrorCode {
  const codes = Object.keys(ERRORS).filter(isCode);
  const wanted = text.toUpperCase().replaceAll('-', '_');
  const code = codes.find((known) => known === wanted);
  if (code) return code;
  const close = nearest(wanted, codes);
  throw new TersorError(
    'USAGE',
    `tersor explain ${text}`,
    'no error has this code',
    close ? `did you mean "${close}"?` : 'see them with: tersor explain',
  );
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}
