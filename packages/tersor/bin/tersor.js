#!/usr/bin/env node
// Committed and plain, because npm links a package's commands before anything is built.
import { existsSync } from 'node:fs';

const main = new URL('../dist/bundle/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('tersor: not built yet (dist/bundle/main.js is missing)\n  build it with: npm run build\n');
  process.exitCode = 4;
}
