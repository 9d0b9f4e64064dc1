import type { Spread } from '../../core/report.ts';
import { html, type Markup } from '../markup.ts';

export interface Share {
  /** A class of the page's style that colours it. */
  readonly kind: string;
  readonly amount: number;
}

/** A bar of parts, as wide as their sum is of `whole`. Says nothing to readers of screens: the numbers are beside it. */
export function stackedBar(shares: readonly Share[], whole: number): Markup {
  let x = 0;
  const parts = shares.map(({ kind, amount }) => {
    const width = scaled(amount, whole, 1000);
    const part = html`<rect class="${kind}" x="${tidy(x)}" y="0" width="${tidy(width)}" height="10"/>`;
    x += width;
    return part;
  });
  return html`<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">${parts}</svg>`;
}

/** Two thin bars of one scale, the second below the first. */
export function pairOfBars(before: number, after: number, whole: number): Markup {
  const [widthBefore, widthAfter] = [scaled(before, whole, 100), scaled(after, whole, 100)];
  return html`<svg class="pair" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="before" y="0" width="${tidy(widthBefore)}" height="4.4"/><rect class="after" y="5.6" width="${tidy(widthAfter)}" height="4.4"/></svg>`;
}

/** One thin bar. */
export function singleBar(amount: number, whole: number, kind: string): Markup {
  return html`<svg class="single" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="${kind}" width="${tidy(scaled(amount, whole, 100))}" height="10"/></svg>`;
}

/** The middle half of all values as a box with their median, the middle 90 % as a line, from 0 to `whole`. */
export function spreadBar({ p5, p25, p50, p75, p95 }: Spread, whole: number, kind: string): Markup {
  const part = (name: string, from: number, to: number, y: number, height: number) => {
    const x = scaled(from, whole, 100);
    return html`<rect class="${name}" x="${tidy(x)}" y="${y}" width="${tidy(Math.max(0.4, scaled(to, whole, 100) - x))}" height="${height}"/>`;
  };
  return html`<svg class="single spread-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${part('rail', 0, whole, 4.6, 0.8)}${part(`${kind} whisker`, p5, p95, 3.8, 2.4)}${part(kind, p25, p75, 0, 10)}${part('middle', p50, p50, 0, 10)}</svg>`;
}

/** What is not nothing is never drawn as nothing. */
function scaled(amount: number, whole: number, width: number): number {
  if (!(amount > 0) || !(whole > 0)) return 0;
  return Math.min(width, Math.max(width / 250, (amount / whole) * width));
}

function tidy(value: number): number {
  return Number(value.toFixed(1));
}
