/**
 * How often a classifier is right: top-1 and top-5.
 *
 *   tersor model.onnx --data photos/ --eval classification.mjs
 *
 * Labels are numbers of classes or their names: in photos/labels.json ({ "cat.png": 281 }), photos/labels.tsv, or the names of subfolders.
 * Names need to know the classes: classes.txt in the folder (line i is class i), or id2label in config.json beside the model.
 *
 * @type {import('tersor').Evaluate}
 */
export default async function classification(session, { samples, classes = [] }) {
  /** @type {{ top1: number[], top5: number[] }} */
  const hits = { top1: [], top5: [] };
  for (const { feeds, labels } of samples) {
    const right = labels.map((label) => (typeof label === 'number' ? label : classes.indexOf(label)));
    if (right.length === 0) continue;
    const [scores] = Object.values(await session.run(feeds));
    const best = topClasses(/** @type {Float32Array} */ (scores?.data), 5);
    hits.top1.push(right.includes(best[0] ?? -1) ? 1 : 0);
    hits.top5.push(best.some((id) => right.includes(id)) ? 1 : 0);
  }
  if (hits.top1.length === 0) throw new Error('no sample has a label: see the top of classification.mjs');
  return hits;
}

/**
 * The classes with the highest scores, the best first.
 * @param {ArrayLike<number>} scores
 * @param {number} count
 */
export function topClasses(scores, count) {
  return Array.from(scores, (score, id) => ({ score, id }))
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ id }) => id);
}
