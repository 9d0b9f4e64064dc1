/** The file that makes a folder of .npz files a recording. */
export const RECORDING_FILE = 'recording.json';

/** What a recording says of itself: whose feeds it holds, and how many there were to choose from. */
export interface Recording {
  readonly model: {
    readonly name: string;
    /** SHA-256 of the model's file, where that was known. */
    readonly sha256?: string;
  };
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Runs (of models with state: sequences) that might have been kept. */
  readonly seen: number;
}

/** @returns undefined for what is no recording; the file may come from anybody */
export function parseRecording(text: string): Recording | undefined {
  const { model, inputs, outputs, seen } = record(parse(text));
  const { name, sha256 } = record(model);
  if (typeof name !== 'string' || !areNames(inputs) || !areNames(outputs)) return undefined;
  if (typeof seen !== 'number' || !Number.isSafeInteger(seen) || seen < 0) return undefined;
  return { model: { name, ...(typeof sha256 === 'string' && { sha256 }) }, inputs, outputs, seen };
}

/** Where a step's array lies in a file of a recording: `<step>/<input>`. */
export function stepName(step: number, input: string): string {
  return `${step}/${input}`;
}

/** An array beside the steps: sequences with the same source are parts of one. */
export const SOURCE_ARRAY = 'source';

/** More steps are no sequence that anybody runs. */
const MAX_STEPS = 100_000;

/** The arrays of a recorded file, step by step; undefined for a file whose arrays are called otherwise. */
export function recordedSteps<T>(arrays: ReadonlyMap<string, T>): Record<string, T>[] | undefined {
  const steps: Record<string, T>[] = [];
  for (const [name, value] of arrays) {
    if (name === SOURCE_ARRAY) continue;
    const [, step, input] = /^(\d+)\/(.+)$/s.exec(name) ?? [];
    const index = Number(step);
    if (input === undefined || !(index < MAX_STEPS)) return undefined;
    while (steps.length <= index) steps.push({});
    steps[index]![input] = value;
  }
  return steps.length > 0 ? steps : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function areNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
