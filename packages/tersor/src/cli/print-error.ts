import { TersorError } from '../core/error.ts';
import { printableLines } from '../core/text/printable.ts';
import { statusOf } from './exit-status.ts';
import type { Screen } from './shell.ts';

/** Opens the tracker that the published package names. */
const REPORT_TO = 'npm bugs tersor';
const STACK_LINES = 4;

/** Prints what was thrown, as data when asked for. @returns the exit status */
export function printError(thrown: unknown, argv: readonly string[], { out, err }: { readonly out: Screen; readonly err: Screen }): number {
  const error = toTersorError(thrown);
  if (argv.includes('--json')) out.write(errorJson(error));
  else err.write(errorText(error, err));
  return statusOf(error);
}

/** Any thrown value as a coded error; what nobody expected is INTERNAL. */
function toTersorError(thrown: unknown): TersorError {
  if (thrown instanceof TersorError) return thrown;
  const what = thrown instanceof Error ? thrown.message : String(thrown);
  return new TersorError('INTERNAL', 'tersor', what || 'failed without a message', '', { cause: thrown });
}

/** An error as a person reads it: what, what to do, its code, and for ours where it happened and where to say so. */
function errorText(error: TersorError, { colors }: Pick<Screen, 'colors'>): string {
  const { code, where, what, hint } = error;
  const lines = [`${colors.red('✗')} ${colors.bold(printableLines(`${where}: ${what}`))}`];
  if (hint) lines.push(`  ${printableLines(hint).replaceAll('\n', '\n  ')}`);
  if (code === 'INTERNAL') lines.push(...internals(error).map((line) => colors.dim(printableLines(line))));
  if (code !== 'INTERRUPTED') lines.push(colors.dim(`  [${code}]  more: tersor explain ${code}`));
  return `${lines.join('\n')}\n`;
}

function errorJson({ code, where, what, hint }: TersorError): string {
  return `${JSON.stringify({ error: { code, where, what, hint } }, null, 2)}\n`;
}

function internals(error: TersorError): string[] {
  const thrown = error.cause instanceof Error ? error.cause : error;
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [...frames.slice(0, STACK_LINES), `  This is a mistake in tersor, not yours. Please report it with the lines above: ${REPORT_TO}`];
}
