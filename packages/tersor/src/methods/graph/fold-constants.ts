import { editGraphs } from '../../core/graph-edit/edit-graphs.ts';
import { fold } from '../../core/graph-edit/fold.ts';
import { count, type Tally, tallied } from '../../core/graph-edit/tally.ts';
import { defineMethod } from '../../core/method.ts';
import type { Model } from '../../core/model.ts';

export default defineMethod({
  id: 'fold-constants',
  family: 'graph',
  summary: 'Computes once and for all what does not depend on the inputs.',
  notes: `Evaluates the operators that exporters write around shapes and scalars (Shape of what is known, Gather, Concat, Slice, Cast, arithmetic,
comparisons, Where, Range, ...) with the exact arithmetic of their types, moves weights of any size through Transpose, Reshape, Slice, Split,
Concat and narrowing Cast, and replaces an If whose condition is constant by the branch that is taken. A constant is only written where
that does not make the file larger: a weight that others still use is not stored twice, and nothing is expanded.

An initializer that is also an input of the model is a default that whoever runs it may replace: it is not a constant here.
Shapes that the file states are believed, as the runtime does; symbols never stand for numbers.`,
  source: 'https://onnx.ai/onnx/operators/',
  options: {},
  changes: 'graph',
  loss: 'none',
  apply: (model, _, { note, signal }) => tallied('fold-constants', note, (tally) => foldConstants(model, tally, signal)),
});

export function foldConstants(model: Model, tally: Tally, signal?: AbortSignal): Promise<Model> {
  return editGraphs(
    model,
    async (graph, site) => {
      const { graph: edited, folded, inlined } = await fold(graph, site);
      count(tally, 'computed # operators once and for all', folded);
      count(tally, 'replaced # If operators by the branch that is always taken', inlined);
      return edited;
    },
    signal,
  );
}
