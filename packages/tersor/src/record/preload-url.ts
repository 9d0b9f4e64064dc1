/** What `node --import` loads into an application that is to be recorded. Sources that run unbuilt name what was built; published code its neighbour. */
export const PRELOAD = new URL(import.meta.url.endsWith('.ts') ? '../../dist/record/preload-node.js' : './preload-node.js', import.meta.url)
  .href;
