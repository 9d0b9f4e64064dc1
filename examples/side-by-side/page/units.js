/** @param {number} bytes  1 MB is 10^6 bytes */
export function bytesText(bytes) {
  if (bytes < 1e5) return `${(bytes / 1e3).toPrecision(3)} kB`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toPrecision(3)} MB`;
}

/** @param {number} milliseconds */
export function timeText(milliseconds) {
  if (milliseconds < 10) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 100) return `${milliseconds.toFixed(1)} ms`;
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toPrecision(2)} s`;
}

/** @param {readonly number[]} values @param {number} share  0.5 is the median */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low = 0, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at % 1);
}

/** Small numbers stay numbers. @param {number} value */
export function smallText(value) {
  return value === 0 ? '0' : value < 0.0001 ? value.toExponential(0) : value.toPrecision(2);
}
