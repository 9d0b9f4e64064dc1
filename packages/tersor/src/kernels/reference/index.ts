import { countInto } from '../../core/histogram.ts';
import { checkFinite, checkHeld, clearWorse } from '../held.ts';
import type { Loops } from '../loops.ts';
import { encodeAdaptive } from './adaptive.ts';
import { subtractBase } from './base.ts';
import { fromBfloat16, toBfloat16 } from './bfloat16.ts';
import { chooseLevels } from './choose-levels.ts';
import { compensate } from './compensate.ts';
import { countBelow, countLines, countPairs, lineMoments, mapClasses, pairClasses } from './counts.ts';
import { dequantize } from './dequantize.ts';
import { GGML_QUANTIZERS } from './ggml/index.ts';
import { groupLines } from './group-lines.ts';
import { fromHalf, toHalf } from './half.ts';
import { inverseFactor } from './inverse-factor.ts';
import { encodeLevels } from './levels.ts';
import { maskRows, maskTwoOfFour } from './mask.ts';
import { findMatches } from './matches.ts';
import { multiplyRows } from './multiply-rows.ts';
import { pack, unpack } from './pack.ts';
import { peakOf } from './peak.ts';
import { splitPlanes } from './planes.ts';
import { quantize } from './quantize.ts';
import { encodeRans } from './rans.ts';
import { refine } from './refine.ts';
import { summarize } from './summarize.ts';
import { transpose } from './transpose.ts';
import { clusterVectors, compensateVectors, refineVectors } from './vectors.ts';

/** The loops as a person would write them. Tests hold the WASM twin to these, bit for bit. */
export const reference: Loops = {
  quantize,
  dequantize,
  transpose,
  toHalf,
  fromHalf,
  toBfloat16,
  fromBfloat16,
  pack,
  unpack,
  summarize,
  countInto,
  inverseFactor,
  multiplyRows,
  compensate,
  refine,
  clusterVectors,
  compensateVectors,
  refineVectors,
  chooseLevels,
  quantizeBlocks(values, type, how) {
    const peak = peakOf(values);
    checkFinite(peak);
    const bytes = GGML_QUANTIZERS[type](values, how);
    checkHeld(values, peak, type, bytes);
    if (how?.search === 'best') clearWorse(values, 0, type, bytes);
    return bytes;
  },
  maskTwoOfFour,
  maskRows,
  splitPlanes,
  subtractBase,
  encodeRans,
  encodeAdaptive,
  encodeLevels,
  findMatches,
  mapClasses,
  pairClasses,
  countPairs,
  countBelow,
  lineMoments,
  countLines,
  groupLines,
};
