import { type FoundModel, namingModel } from './compress/folder/find-models.ts';
import { askedOfModel, type FolderJob, folderModel, openFolderJob } from './compress/folder/folder-job.ts';
import { fileOf } from './compress/folder/names.ts';
import { isOfResult, putTogether, type ResultFiles, resultFiles } from './compress/folder/result-files.ts';
import { bytesOfAll, type Measured, type Sharer, shareSize } from './compress/folder/share-size.ts';
import { wholePromises } from './compress/folder/whole-promises.ts';
import { modelFirst } from './compress/weigh.ts';
import { compress, plan } from './compress.ts';
import type { Asked, AskedOfFolder } from './core/asked.ts';
import { TersorError } from './core/error.ts';
import type { FolderModel, FolderReport } from './core/folder-report.ts';
import type { PromiseReport, Report } from './core/report.ts';
import { bytesText } from './core/text/units.ts';
import { minFolderName } from './io/node-paths.ts';
import { version } from './io/node-process.ts';
import { openStagedFolder, type StagedFolder } from './io/node-staged-folder.ts';
import { sha256Of } from './io/node-weigh.ts';

/** Models together that are not smaller than this are not worth another folder. */
const LEAST_GAIN = 0.01;
/** How often a size is shared anew, by what was measured. */
const MOST_ROUNDS = 3;

/** What came of one model. */
interface Made {
  readonly model: FoundModel;
  /** Absent for a model that was asked to stay. */
  readonly report?: Report;
  readonly stays?: string;
  /** The folder where the result lies for now, when there is one. */
  readonly place?: string;
}

/**
 * Makes every model of a folder smaller, and puts a folder like it beside: same names, configs and all that the models come with. Each model is
 * found once, however many precisions of it there are, and proven as `compress` proves it; a size is shared among them by what each loses. A
 * model that cannot be smaller within its promises stays as it was, where the original keeps what was asked. The result appears whole or not at all.
 *
 * @throws {TersorError} what `compress` throws, naming the model; USAGE when the output is in the input, FILE_EXISTS, FILE_MISSING without models,
 *   PROMISE_MISSED when the models do not fit a size
 */
export async function compressFolder(folder: string, asked: AskedOfFolder = {}): Promise<FolderReport> {
  const output = asked.output ?? minFolderName(folder);
  const job = await openFolderJob(folder, { ...asked, output });
  const staged = await openStagedFolder(output, {
    input: folder,
    ...(asked.force !== undefined && { force: asked.force }),
    replaces: (name) => isOfResult(job, name),
  });
  try {
    const size = asked.recipe ? undefined : asked.budget?.size;
    const made = size === undefined ? await makeAll(job, staged) : await makeWithin(job, staged, size);
    const models = await Promise.all(
      made.map(async ({ model, report, stays }) => withHash(job, model, folderModel(job, model, report, stays))),
    );
    const promises = wholePromises(models, asked.budget ?? {}, bytesOfAll(job.models), resultBytesOf(models));
    const outcome = outcomeOf(job, models, promises);
    const leave = outcome === 'compressed' || (outcome === 'missed' && asked.keep === true);
    const places = new Map(
      made.flatMap(({ model, place, stays }) => (place !== undefined && stays === undefined ? [[model.name, place]] : [])),
    );
    const files = await resultFiles(job, models, places);
    const renamed = new Map<string, FolderModel>();
    if (leave) {
      await putTogether(job, staged, models, places, files, async (model, path) => {
        renamed.set(model.name, await rewrite(job, model, path));
      });
      await staged.publish();
    }
    const named = models.map((model) => renamed.get(model.name) ?? model);
    return reportOf(job, named, { outcome, promises, files, ...(leave && { output }) });
  } finally {
    await staged.remove();
  }
}

/** What `compressFolder` would do, without values: see `plan`. */
export async function planFolder(folder: string, asked: AskedOfFolder = {}): Promise<FolderReport> {
  const job = await openFolderJob(folder, { ...asked, output: asked.output ?? minFolderName(folder) });
  const models: FolderModel[] = [];
  for (const model of job.models) {
    const report = job.skipped.has(model.name) ? undefined : await planOf(job, model);
    models.push(folderModel(job, model, report, report ? undefined : AS_ASKED));
  }
  return reportOf(job, models, { outcome: 'planned', promises: [], files: await resultFiles(job, models, new Map()) });
}

const AS_ASKED = 'as it was asked';

function planOf(job: FolderJob, model: FoundModel): Promise<Report> {
  const asked = askedOfModel(job, model);
  const size = job.asked.budget?.size;
  // with a size to meet, fewer bits come into question
  const budget = size === undefined ? asked.budget : { ...asked.budget, size };
  return namingModel(model.name, () => plan(`${job.folder.path}/${model.name}`, { ...asked, ...(budget && { budget }) }));
}

async function makeAll(job: FolderJob, staged: StagedFolder): Promise<Made[]> {
  const made: Made[] = [];
  for (const model of job.models) made.push(await make(job, staged, model, 'made'));
  return made;
}

/** @param round  names the folder where results go for now  @param size  this model's share */
async function make(job: FolderJob, staged: StagedFolder, model: FoundModel, round: string, size?: number): Promise<Made> {
  if (job.skipped.has(model.name)) return { model, stays: AS_ASKED };
  const place = await staged.aside(`${round}/${model.name}`);
  const asked: Asked = askedOfModel(job, model);
  const budget = size === undefined ? asked.budget : { ...asked.budget, size };
  const report = await namingModel(model.name, () =>
    compress(`${job.folder.path}/${model.name}`, { ...asked, ...(budget && { budget }), output: `${place}/${fileOf(model.name)}` }),
  );
  const stays = staysBecause(report, job.asked);
  return { model, report, place, ...(stays !== undefined && { stays }) };
}

/** Nothing to gain, or a promise was missed that the original keeps; undefined where the result counts. */
function staysBecause({ outcome, promises }: Report, { budget = {}, recipe, keep }: AskedOfFolder): string | undefined {
  if (outcome === 'nothing-to-gain') return 'nothing to gain';
  const { size, memory, latency = 1 } = budget;
  if (outcome !== 'missed' || recipe || keep || size !== undefined || memory !== undefined || latency < 1) return undefined;
  const missed = promises.filter(({ status }) => status === 'missed');
  return `smaller it misses ${missed.map(({ promised, actual }) => `${promised} (${actual})`).join(', ')}`;
}

/** A size that all models share: first by what they can use, then such that the one that loses most loses least, by what was measured. */
async function makeWithin(job: FolderJob, staged: StagedFolder, size: number): Promise<Made[]> {
  const staying = bytesOfAll(job.models.filter(({ name }) => job.skipped.has(name)));
  const sharers: Sharer[] = [];
  for (const model of job.models.filter(({ name }) => !job.skipped.has(name)))
    sharers.push({ name: model.name, least: (await planOf(job, model)).resultBytes ?? model.bytes, most: model.bytes });
  const least = sharers.reduce((sum, sharer) => sum + sharer.least, staying);
  if (least > size) {
    const what = `its models take ${bytesText(least)} at least`;
    throw new TersorError('PROMISE_MISSED', job.folder.path, what, 'ask for a larger size');
  }
  let best: Made[] | undefined;
  const measured = new Map<string, Measured>();
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const shares = shareSize(sharers, size - staying, measured);
    if (best && isSettled(shares, measured)) break;
    const made: Made[] = [];
    for (const model of job.models) made.push(await make(job, staged, model, `round-${round}`, shares.get(model.name)));
    for (const { model, report } of made)
      if (report?.quality) measured.set(model.name, { bytes: report.resultBytes ?? model.bytes, drop: report.quality.drop });
    if (best && worstDrop(made) >= worstDrop(best)) break;
    best = made;
  }
  return best ?? [];
}

/** Whether nobody would get another share worth measuring. */
function isSettled(shares: ReadonlyMap<string, number>, measured: ReadonlyMap<string, Measured>): boolean {
  return [...shares].every(([name, share]) => Math.abs(share / (measured.get(name)?.bytes ?? Number.POSITIVE_INFINITY) - 1) < 0.02);
}

function worstDrop(made: readonly Made[]): number {
  return Math.max(0, ...made.map(({ report }) => (report?.outcome === 'missed' ? Number.POSITIVE_INFINITY : (report?.quality?.drop ?? 0))));
}

function outcomeOf(
  { asked, models: found }: FolderJob,
  models: readonly FolderModel[],
  promises: readonly PromiseReport[],
): Report['outcome'] {
  const isMissed = models.some(({ report, stays }) => stays === undefined && report?.outcome === 'missed');
  if (isMissed || promises.some(({ name, status }) => name === 'size' && status === 'missed')) return 'missed';
  const worthwhile = bytesOfAll(found) * (asked.recipe ? 1 : 1 - LEAST_GAIN);
  return resultBytesOf(models) > worthwhile || models.every(({ stays }) => stays !== undefined) ? 'nothing-to-gain' : 'compressed';
}

/** The same weights under another name, without proving them again. @returns the model with its file as it is now */
async function rewrite(job: FolderJob, folderModel: FolderModel, output: string): Promise<FolderModel> {
  const { name, report } = folderModel;
  const model = job.models.find((each) => each.name === name);
  if (!model || !report) return folderModel;
  const { threads, signal, target, weigh } = askedOfModel(job, model);
  const { resultBytes, output: file } = await compress(`${job.folder.path}/${name}`, {
    output,
    recipe: report.recipe,
    verify: false,
    ...(weigh && { weigh }),
    ...(target && { target }),
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
  });
  if (!file || resultBytes === undefined) return folderModel;
  const { bytes, sha256 } = file;
  const renamed = report.output && { ...report.output, bytes, ...(sha256 !== undefined && { sha256 }) };
  return { ...folderModel, resultBytes, report: { ...report, resultBytes, ...(renamed && { output: renamed }) } };
}

/** What stays is known again by its hash, where a report was asked for. */
async function withHash({ asked, folder }: FolderJob, { files }: FoundModel, model: FolderModel): Promise<FolderModel> {
  if (model.stays === undefined || !asked.weigh) return model;
  const [own = '', ...data] = files.map((file) => `${folder.path}/${file}`);
  return { ...model, sha256: await sha256Of(modelFirst([own, ...data]), asked.signal) };
}

function resultBytesOf(models: readonly FolderModel[]): number {
  return models.reduce((sum, { resultBytes }) => sum + resultBytes, 0);
}

function reportOf(
  { folder, asked, models: found, clock }: FolderJob,
  models: readonly FolderModel[],
  {
    outcome,
    promises,
    files: { files, loaders },
    output,
  }: Pick<FolderReport, 'outcome' | 'promises'> & { files: ResultFiles; output?: string },
): FolderReport {
  const resultBytes = resultBytesOf(models);
  return {
    version: version(),
    target: asked.target ?? asked.recipe?.target ?? 'node',
    input: { path: folder.path, bytes: bytesOfAll(found) },
    ...(output !== undefined && { output: { path: output, bytes: resultBytes } }),
    resultBytes,
    outcome,
    models,
    files,
    promises,
    ...(loaders && { loaders }),
    seconds: clock.seconds(),
  };
}
