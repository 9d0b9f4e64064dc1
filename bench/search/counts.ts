import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cost } from '../../packages/tersor/src/cost.ts';
import { benchModels } from '../models.ts';
import { pythonWith } from '../peers/venv.ts';

export interface CountRow {
  readonly model: string;
  readonly macs: number;
  readonly parameters: number;
  /** "equal", "differs: ...", or why the peer has no number. */
  readonly verdict: string;
}

const REQUIREMENTS = ['numpy==2.4.6', 'onnx==1.23.2', 'onnx-tool==1.0.1'];
const COUNTER = fileURLToPath(new URL('../peers/count-macs.py', import.meta.url));

/** Every model of the benches counted twice. Operators that the peer's sum leaves out (recurrences, branches, attention) are no verdict. */
export async function countRows(): Promise<CountRow[]> {
  const python = pythonWith(REQUIREMENTS);
  if (!python) {
    console.log('skipped: no Python to count with');
    return [];
  }
  const rows: CountRow[] = [];
  for (const { name, path } of benchModels()) {
    const { macs, parameters, inputs, operators } = await cost(path);
    const beyond = [
      ...new Set(operators.filter(({ family, op }) => /recurrent|control|attention/.test(family) || op === 'Einsum').map(({ op }) => op)),
    ];
    const shapes = Object.fromEntries(inputs.map((input) => [input.name, input.shape]));
    rows.push({
      model: name,
      macs,
      parameters,
      verdict: beyond.length > 0 ? `not counted by the peer: ${beyond.join(', ')}` : compare({ macs, parameters }, python, path, shapes),
    });
  }
  return rows;
}

function compare(ours: Pick<CountRow, 'macs' | 'parameters'>, python: string, path: string, shapes: unknown): string {
  try {
    const printed = execFileSync(python, [COUNTER], {
      input: JSON.stringify([{ path, shapes }]),
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const [theirs]: Pick<CountRow, 'macs' | 'parameters'>[] = JSON.parse(printed.trim().split('\n').at(-1) ?? '[]');
    if (theirs?.macs === ours.macs && theirs.parameters === ours.parameters) return 'equal';
    return `differs: ${theirs?.macs} MACs, ${theirs?.parameters} parameters`;
  } catch {
    return 'the peer fails';
  }
}
