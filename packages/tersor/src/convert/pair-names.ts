import type { Shape } from '../core/dtype.ts';

interface Named {
  readonly name: string;
  /** 0 stands for any length. */
  readonly shape: Shape;
}

/**
 * Which of `found` is meant by each of `wanted`: the one of the same name, else the only one of that shape whose name is the same but for a beginning that ends in
 * a dot, such as a module that holds the model. Nothing is meant twice.
 */
export function pairNames(wanted: readonly Named[], found: readonly Named[]): ReadonlyMap<string, string> {
  const byName = new Map(found.map((each) => [each.name, each]));
  const pairs = new Map(wanted.flatMap(({ name }) => (byName.has(name) ? [[name, name] as const] : [])));
  const taken = new Set(pairs.values());
  const byEnd = new Map<string, Named[]>();
  for (const each of found) {
    if (taken.has(each.name)) continue;
    for (const end of endsOf(each.name)) {
      const same = byEnd.get(end);
      if (same) same.push(each);
      else byEnd.set(end, [each]);
    }
  }
  const guesses = wanted
    .filter(({ name }) => !pairs.has(name))
    .flatMap(({ name, shape }) => {
      const close = [...new Set(endsOf(name).flatMap((end, i) => (byEnd.get(end) ?? []).filter((each) => i === 0 || each.name === end)))];
      const fitting = close.filter((each) => fits(shape, each.shape));
      return fitting.length === 1 && fitting[0] ? [[name, fitting[0].name] as const] : [];
    });
  const counts = new Map<string, number>();
  for (const [, name] of guesses) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const [name, meant] of guesses) if (counts.get(meant) === 1) pairs.set(name, meant);
  return pairs;
}

export function fits(wanted: Shape, found: Shape): boolean {
  return wanted.length === found.length && wanted.every((length, axis) => length === 0 || found[axis] === 0 || length === found[axis]);
}

/** Segments that a name must keep, for the rest of it to mean something. */
const LEAST = 2;

/** The name, and what is left of it when modules at its beginning are taken away, the longest first. */
function endsOf(name: string): string[] {
  const segments = name.split('.');
  return Array.from({ length: Math.max(1, segments.length - LEAST + 1) }, (_, i) => segments.slice(i).join('.'));
}
