/** One mix in a process of its own: `node quantize.mjs FROM TO RECIPE THREADS ROUNDS`. Prints seconds of the best call, by the clock and of the processors, and peak memory. */
import { compress } from '../../packages/tersor/dist/bundle/index.js';

const [input, output, step, threads, rounds] = process.argv.slice(2);
const recipe = { version: 1, steps: [{ use: 'gguf', ...JSON.parse(step) }] };
const runs = [];
for (let round = 0; round < Number(rounds); round++) {
  const [clock, processors] = [performance.now(), process.cpuUsage()];
  await compress(input, { output, recipe, verify: false, force: true, keep: true, threads: Number(threads) });
  const { user, system } = process.cpuUsage(processors);
  runs.push({ seconds: (performance.now() - clock) / 1000, processorSeconds: (user + system) / 1e6 });
}
const least = (pick) => Math.min(...runs.map(pick));
const memory = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ seconds: least((run) => run.seconds), processorSeconds: least((run) => run.processorSeconds), memory }));
