import type { Asked, AskedToCompare } from '../core/asked.ts';
import type { Inspection } from '../core/inspection.ts';
import type { Comparison, Report } from '../core/report.ts';

/** What the command line asks of the library, so that tests can answer in its place. */
export interface Library {
  compress(input: string, asked?: Asked): Promise<Report>;
  plan(input: string, asked?: Asked): Promise<Report>;
  inspect(input: string): Promise<Inspection>;
  compare(a: string, b: string, asked?: AskedToCompare): Promise<Comparison>;
}

export async function loadLibrary(): Promise<Library> {
  throw new Error('pending');
}
