/** Numbers as people read them: three significant digits and a unit. 1 MB is 10^6 bytes. */

export function bytesText(bytes: number): string {
  return scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB']);
}

/** "22.7 M". */
export function countText(count: number): string {
  return scaled(count, ['', 'k', 'M', 'G', 'T']);
}

/** A share as "25.3 %"; small ones keep two digits, so that 0.0004 does not read as nothing. */
export function percentText(share: number): string {
  return `${significant(share * 100)} %`;
}

export function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}

export function durationText(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const rest = Math.round(seconds - minutes * 60);
  return rest === 60 ? `${minutes + 1} min` : rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

export function millisecondsText(ms: number): string {
  return ms < 1000 ? `${significant(ms)} ms` : durationText(ms / 1000);
}

/** An estimate: two digits. */
export function energyText(millijoules: number): string {
  const [value, unit] = millijoules < 1 ? [millijoules * 1000, 'µJ'] : [millijoules, 'mJ'];
  return `${Number(value.toPrecision(2))} ${unit}`;
}

/** "12,288". */
export function integerText(value: number): string {
  return value.toLocaleString('en-US');
}

/** A quality value: enough nines to tell 0.9996 from 0.99996. */
export function valueText(value: number): string {
  const gap = Math.abs(1 - value);
  const digits = gap > 0 && gap < 1 ? Math.min(8, Math.max(4, Math.ceil(-Math.log10(gap)) + 1)) : 4;
  return value.toFixed(digits);
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  let rest = value;
  // 999.5 would round to 1000 of the smaller unit
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(rest) : threeDigits(rest)} ${units[unit]}`.trimEnd();
}

function threeDigits(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function significant(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 0.00005) return value.toExponential(0);
  if (size < 0.995) return value.toPrecision(2);
  return threeDigitsSigned(value);
}

function threeDigitsSigned(value: number): string {
  return value < 0 ? `-${threeDigits(-value)}` : threeDigits(value);
}
