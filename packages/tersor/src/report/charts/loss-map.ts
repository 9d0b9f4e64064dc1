import type { Sensitivity } from '../../core/sensitivity.ts';
import { lossText, shortName } from '../../core/text/sensitivity-text.ts';
import { html, type Markup, shortened } from '../markup.ts';

const [CELL, ROW] = [10, 22] as const;
/** Losses this far below the largest are drawn as nothing. */
const DECADES = 5;
/** More columns than this are not told apart. */
export const MOST_LAYERS = 400;

/** Every layer as a column in the order of the file, every kind of steps as a row: the darker, the more is lost, by orders of magnitude. */
export function lossMap({ layers, tried }: Sensitivity): Markup | undefined {
  const shown = layers.slice(0, MOST_LAYERS);
  const most = shown.reduce((largest, { candidates }) => candidates.reduce((most, { loss = 0 }) => Math.max(most, loss), largest), 0);
  if (most === 0 || shown.length < 2) return undefined;
  const depth = (loss: number) => Math.max(0, 1 + Math.log10(Math.max(loss, most * 10 ** -DECADES) / most) / DECADES);
  const rows = tried.map((steps, y) => {
    const cells = shown.map(({ id, candidates }, x) => {
      const loss = candidates.find(({ tried }) => tried === y)?.loss;
      return loss === undefined
        ? undefined
        : html`<rect class="error" x="${x * CELL}" y="0" width="${CELL - 1}" height="${ROW - 2}" opacity="${(0.06 + 0.94 * depth(loss)).toFixed(2)}"><title>${shortened(id, 80)}: ${lossText(loss)}</title></rect>`;
    });
    return html`<tr><th scope="row">${shortName(steps.name)}</th><td><svg class="map" viewBox="0 0 ${shown.length * CELL} ${ROW}" preserveAspectRatio="none" role="img" aria-label="Losses of ${shown.length} layers by ${steps.name}">${cells}</svg></td></tr>`;
  });
  return html`<table class="maps"><tbody>${rows}</tbody></table>
<p class="soft">From the first layer on the left to the last. The darkest loses ${lossText(most)}; each fifth paler, ten times less.</p>`;
}
