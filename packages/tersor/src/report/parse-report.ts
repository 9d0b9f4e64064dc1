import type { Budget } from '../core/budget.ts';
import type { Target } from '../core/format.ts';
import { MAX_SEED, TARGETS } from '../core/parse-recipe.ts';
import type { ConditionsReport, OutputQuality, PromiseReport, Report } from '../core/report.ts';
import { amount, count, hash, invalid, list, oneOf, record, text } from './parsing.ts';

/** What of a report is needed to hold a model against it. */
export interface Reported {
  readonly target: Target;
  readonly input: { readonly path: string; readonly bytes: number };
  readonly resultBytes: number;
  readonly sha256?: string;
  readonly conditions: ConditionsReport;
  readonly evidence?: 'data' | 'synthetic';
  /** Of the inputs that it was measured on. */
  readonly digest?: string;
  readonly promises: readonly Pick<PromiseReport, 'name' | 'actual'>[];
}

const OUTCOMES = ['compressed', 'nothing-to-gain', 'missed', 'planned'] as const satisfies readonly Report['outcome'][];
const NAMES = ['loads', 'smaller', 'drop', 'size', 'coded', 'latency', 'memory'] as const satisfies readonly PromiseReport['name'][];
const KINDS = ['classes', 'value', 'state'] as const satisfies readonly OutputQuality['kind'][];
const EVIDENCE = ['data', 'synthetic'] as const;

/**
 * What a `report.json` says, as far as checking needs it; the file may come from anybody.
 * @param where  how messages call it: a path
 * @throws REPORT_INVALID
 */
export function parseReport(json: unknown, where = 'report'): Reported {
  const report = record(json, where);
  if (Array.isArray(report.models))
    throw invalid(where, 'is the report of a folder', 'name the folder that came with it: tersor check report.json <folder>');
  mustBeMade(report.outcome, where);
  if (report.conditions === undefined)
    throw invalid(where, 'has no conditions, so its promises cannot be measured again', 'write it anew with --report report.json');
  const input = record(report.input, `${where} input`);
  const output = report.output === undefined ? {} : record(report.output, `${where} output`);
  const quality = report.quality === undefined ? undefined : record(report.quality, `${where} quality`);
  return {
    target: oneOf(TARGETS, report.target, `${where} target`),
    input: { path: text(input.path, `${where} input.path`), bytes: count(input.bytes, `${where} input.bytes`) },
    resultBytes: count(report.resultBytes, `${where} resultBytes`),
    ...(output.sha256 !== undefined && { sha256: hash(output.sha256, `${where} output.sha256`) }),
    ...(quality && { evidence: oneOf(EVIDENCE, quality.evidence, `${where} quality.evidence`) }),
    ...(quality?.digest !== undefined && { digest: hash(quality.digest, `${where} quality.digest`) }),
    conditions: parseConditions(report.conditions, `${where} conditions`),
    promises: list(report.promises, `${where} promises`).map((promise, i) => {
      const { name, actual } = record(promise, `${where} promises[${i}]`);
      return { name: oneOf(NAMES, name, `${where} promises[${i}].name`), actual: text(actual, `${where} promises[${i}].actual`) };
    }),
  };
}

/** @throws REPORT_INVALID */
export function mustBeMade(outcome: unknown, where: string): void {
  const known = oneOf(OUTCOMES, outcome, `${where} outcome`);
  if (known === 'planned' || known === 'nothing-to-gain')
    throw invalid(where, `its outcome is "${known}": no file was made`, 'check the report of a run that wrote one');
}

function parseConditions(json: unknown, where: string): ConditionsReport {
  const { seed, budget, data, preprocess, samples, outputs, eval: module, browser } = record(json, where);
  return {
    seed: count(seed, `${where} seed`, MAX_SEED),
    budget: parseBudget(budget, `${where} budget`),
    ...(data !== undefined && { data: text(data, `${where} data`) }),
    ...(preprocess !== undefined && { preprocess: text(preprocess, `${where} preprocess`) }),
    ...(samples !== undefined && { samples: count(samples, `${where} samples`) }),
    ...(outputs !== undefined && {
      outputs: Object.fromEntries(
        Object.entries(record(outputs, `${where} outputs`)).map(([name, kind]) => [name, oneOf(KINDS, kind, `${where} outputs ${name}`)]),
      ),
    }),
    ...(module !== undefined && { eval: text(module, `${where} eval`) }),
    ...(browser === true && { browser }),
  };
}

function parseBudget(json: unknown, where: string): Budget {
  const { drop, size, coded, latency, memory } = record(json, where);
  return {
    ...(drop !== undefined && { drop: amount(drop, `${where} drop`) }),
    ...(size !== undefined && { size: amount(size, `${where} size`) }),
    ...(latency !== undefined && { latency: amount(latency, `${where} latency`) }),
    ...(coded !== undefined && { coded: amount(coded, `${where} coded`) }),
    ...(memory !== undefined && { memory: amount(memory, `${where} memory`) }),
  };
}
