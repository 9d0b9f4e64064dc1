import { defineMethod } from '../../core/method.ts';
import { OPSETS, upgradeOpset } from '../../core/opset/upgrade-opset.ts';
import { integer } from '../../core/options.ts';

export default defineMethod({
  id: 'upgrade-opset',
  family: 'graph',
  summary: 'Rewrites the graph for a newer version of the standard operators.',
  notes: [
    'Newer opsets store more: 4-bit integers from 21, 2-bit from 25, blocks in DequantizeLinear from 21. Every node is carried over each version in',
    'which its operator changed; one that cannot be is named, and nothing is written. Operators of other domains and functions stay as they are.',
  ].join('\n'),
  source: 'https://github.com/onnx/onnx/blob/main/docs/Changelog.md',
  options: {
    to: integer(OPSETS.first, OPSETS.last, { default: 21, doc: 'The opset to write.' }),
  },
  changes: 'graph',
  loss: 'none',
  async apply(model, { to }, { note }) {
    const from = model.graph?.opsets.get('');
    if (from === undefined || from >= to) {
      note('upgrade-opset', `nothing to do: the model has opset ${from ?? 'none'}`);
      return model;
    }
    return upgradeOpset(model, to);
  },
});
