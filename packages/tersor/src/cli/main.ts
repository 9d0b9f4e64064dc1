import { METHODS } from '../methods/registry.gen.ts';
import { interruptible } from './interruptible.ts';
import { LIBRARY } from './library.ts';
import { run } from './run.ts';
import { screenOf } from './shell.ts';

// `tersor inspect model.onnx | head` closes the pipe early; that is no failure
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

const out = screenOf(process.stdout, process.env);
const err = screenOf(process.stderr, process.env);

process.exitCode = await run(process.argv.slice(2), {
  out,
  err,
  methods: METHODS,
  library: LIBRARY,
  interruptible: (work) => interruptible(work, err),
});
