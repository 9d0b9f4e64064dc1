import { TersorError } from '../core/error.ts';
import { reasonOf, WRITING } from '../io/node-file.ts';
import { METHODS } from '../methods/registry.gen.ts';
import { statusOf } from './exit-status.ts';
import { interruptible } from './interruptible.ts';
import { LIBRARY } from './library.ts';
import { errorText } from './print-error.ts';
import { run } from './run.ts';
import { screenOf } from './shell.ts';

const out = screenOf(process.stdout, process.env);
const err = screenOf(process.stderr, process.env);

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `tersor inspect model.onnx | head` closes the pipe early; that is no failure
  if (error.code === 'EPIPE') process.exit();
  const refused = new TersorError('FILE_WRITE', 'standard output', reasonOf(error, WRITING), 'send it elsewhere', { cause: error });
  err.write(errorText(refused, err));
  process.exit(statusOf(refused));
});
// nobody reads the progress any more; the work goes on
process.stderr.on('error', () => {});

process.exitCode = await run(process.argv.slice(2), {
  out,
  err,
  methods: METHODS,
  library: LIBRARY,
  interruptible: (work) => interruptible(work, err),
});
