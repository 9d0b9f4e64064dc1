import type { Report } from '../core/report.ts';

/** What was left alone, by why: one line says it for all that share a reason. */
export function byReason(skipped: Report['skipped']): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { about, message } of skipped) {
    const group = groups.get(message);
    if (group) group.push(about);
    else groups.set(message, [about]);
  }
  return groups;
}
