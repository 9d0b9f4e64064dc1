/** Puts the repository's README and LICENSE into the package that is about to be packed; npm takes them only from its own folder. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.ts';

for (const file of ['README.md', 'LICENSE']) copyFileSync(join(root, file), join(process.cwd(), file));
