/** Side of the square that is turned at once: its rows and its columns stay in the first-level cache. */
const TILE = 32;

/**
 * `[rows, columns]` to `[columns, rows]`. There is no WASM twin: the memory decides, and copying into a WASM memory costs as much.
 */
export function transpose<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number): T {
  const turned = values instanceof Float32Array ? new Float32Array(values.length) : new Uint8Array(values.length);
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(top + TILE, rows);
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(left + TILE, columns);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) turned[column * rows + row] = values[row * columns + column]!;
      }
    }
  }
  return turned as T;
}
