import { Console } from 'node:console';
import { TersorError } from '../core/error.ts';
import { reasonOf, WRITING } from '../io/node-file.ts';
import { METHODS } from '../methods/registry.gen.ts';
import { interruptible } from './interruptible.ts';
import { LIBRARY } from './library.ts';
import { printError } from './print-error.ts';
import { run } from './run.ts';
import { screenOf } from './shell.ts';

const out = screenOf(process.stdout, process.env);
const err = screenOf(process.stderr, process.env);

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `tersor inspect model.onnx | head` closes the pipe early; that is no failure
  if (error.code === 'EPIPE') process.exit();
  const refused = new TersorError('FILE_WRITE', 'standard output', reasonOf(error, WRITING), 'send it elsewhere', { cause: error });
  process.exit(printError(refused, [], { out, err }));
});
// nobody reads the progress any more; the work goes on
process.stderr.on('error', () => {});

// what users' modules print is no result of ours, what they leave undone is an error, and what they leave running does not keep us
globalThis.console = new Console(process.stderr);
const argv = process.argv.slice(2);
const fail = (thrown: unknown) => process.exit(printError(thrown, argv, { out, err }));
process.on('uncaughtException', fail).on('unhandledRejection', fail);

process.exitCode = await run(argv, {
  out,
  err,
  methods: METHODS,
  library: LIBRARY,
  interruptible: (work, options) => interruptible(work, err, options),
});
process.stdout.write('', (error) => error ?? process.exit());
