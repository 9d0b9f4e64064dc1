import type { Asked, AskedToCheck, AskedToCompare } from '../core/asked.ts';
import type { Inspection } from '../core/inspection.ts';
import type { Check, Comparison, Report } from '../core/report.ts';

/** What the command line asks of the library, so that tests can answer in its place. */
export interface Library {
  compress(input: string, asked?: Asked): Promise<Report>;
  plan(input: string, asked?: Asked): Promise<Report>;
  inspect(input: string): Promise<Inspection>;
  compare(a: string, b: string, asked?: AskedToCompare): Promise<Comparison>;
  check(report: unknown, path: string, asked?: AskedToCheck): Promise<Check>;
}

/** The real one; what a command does not use is not loaded. */
export const LIBRARY: Library = {
  compress: async (input, asked) => (await import('../compress.ts')).compress(input, asked),
  plan: async (input, asked) => (await import('../compress.ts')).plan(input, asked),
  inspect: async (input) => (await import('../inspect.ts')).inspect(input),
  compare: async (a, b, asked) => (await import('../compare.ts')).compare(a, b, asked),
  check: async (report, path, asked) => (await import('../check.ts')).check(report, path, asked),
};
