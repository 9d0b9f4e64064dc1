/**
 * Whether a target of compressed-tensors means a module: a class of modules means all of them, another name itself, and `re:` a pattern from the module's beginning
 * on. Patterns come from strangers: of their signs, those that cost nothing are known: `.`, `.*`, `\.`, and `$` at the end.
 */
export function isTarget(target: string, module: string): boolean {
  if (!target.startsWith('re:')) return target === module || /^[A-Z]\w*$/.test(target);
  const isWhole = target.endsWith('$');
  const runs = target
    .slice(3, isWhole ? -1 : undefined)
    .replace(/^\^/, '')
    .replaceAll('\\.', '\0')
    .split('.*');
  let at = 0;
  for (const [i, run] of runs.entries()) {
    const isLast = i === runs.length - 1;
    const place = i === 0 ? 0 : isLast && isWhole ? module.length - run.length : placeOf(run, module, at);
    if (place < at || !startsAt(run, module, place)) return false;
    at = place + run.length;
  }
  return !isWhole || at === module.length;
}

function placeOf(run: string, text: string, from: number): number {
  for (let at = from; at + run.length <= text.length; at++) if (startsAt(run, text, at)) return at;
  return -1;
}

function startsAt(run: string, text: string, at: number): boolean {
  if (at + run.length > text.length) return false;
  for (let i = 0; i < run.length; i++) {
    const [sign, letter] = [run[i], text[at + i]];
    if (sign === '\0' ? letter !== '.' : sign !== '.' && sign !== letter) return false;
  }
  return true;
}
