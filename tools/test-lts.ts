/** Runs the test suite on the current long-term-support Node, which npm brings as the package `node`. Arguments go to vitest. */
import { binOf, runNpm } from './run.ts';

const LTS = '26.10.0';

const vitest = [binOf('vitest'), 'run', ...process.argv.slice(2)];
const { status } = await runNpm(['exec', '--yes', `--package=node@${LTS}`, '--', 'node', ...vitest], { echo: true });
process.exit(status);
