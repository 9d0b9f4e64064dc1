import { mustBeMade } from './parse-report.ts';
import { count, type Fields, hash, invalid, list, record, text } from './parsing.ts';

/** What of a folder's report is needed to hold the folder against it. */
export interface ReportedFolder {
  readonly models: readonly ReportedModel[];
  /** What lies beside the models; `bytes` where it is as it was. */
  readonly files: readonly { readonly name: string; readonly bytes?: number }[];
}

export interface ReportedModel {
  /** In the folder that was compressed. */
  readonly name: string;
  /** In the result. */
  readonly output: string;
  readonly resultBytes: number;
  readonly sha256?: string;
  /** Of a model that was made smaller: what is to be parsed as a report of its own. */
  readonly report?: unknown;
}

/**
 * What the `report.json` of a folder says, as far as checking needs it; the file may come from anybody. Names do not lead out of the folder.
 * @throws REPORT_INVALID
 */
export function parseFolderReport(json: unknown, where = 'report'): ReportedFolder {
  const report = record(json, where);
  if (report.models === undefined && report.weights !== undefined)
    throw invalid(where, 'is the report of one model', 'name the model that came with it, not its folder');
  mustBeMade(report.outcome, where);
  const models = list(report.models, `${where} models`).map((model, i) =>
    parseModel(record(model, `${where} models[${i}]`), `${where} models[${i}]`),
  );
  const files = list(report.files, `${where} files`).flatMap((file, i) =>
    parseFile(record(file, `${where} files[${i}]`), `${where} files[${i}]`),
  );
  return { models, files };
}

function parseModel({ name, output, resultBytes, sha256, stays, report }: Fields, where: string): ReportedModel {
  return {
    name: inside(name, `${where}.name`),
    output: inside(output, `${where}.output`),
    resultBytes: count(resultBytes, `${where}.resultBytes`),
    ...(sha256 !== undefined && { sha256: hash(sha256, `${where}.sha256`) }),
    ...(stays === undefined && { report: record(report, `${where}.report`) }),
  };
}

function parseFile({ name, bytes, status }: Fields, where: string): ReportedFolder['files'] {
  if (status !== 'carried' && status !== 'changed') return [];
  const known = status === 'carried' && bytes !== undefined;
  return [{ name: inside(name, `${where}.name`), ...(known && { bytes: count(bytes, `${where}.bytes`) }) }];
}

/** A path inside a folder, with slashes, however it is meant. */
function inside(value: unknown, where: string): string {
  const name = text(value, where);
  if (name === '' || /^([/\\]|[a-z]:)/i.test(name) || name.split(/[/\\]/).includes('..'))
    throw invalid(where, `is ${JSON.stringify(name).slice(0, 60)}`, 'it is a path inside the folder');
  return name;
}
