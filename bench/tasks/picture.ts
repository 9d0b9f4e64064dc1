import { readFileSync } from 'node:fs';
import { PNG } from 'pngjs';

/** RGB bytes, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Float32Array;
}

/** Transparency is laid on white. */
export function readPng(path: string): Picture {
  const { width, height, data } = PNG.sync.read(readFileSync(path));
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[i * 4 + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = Math.round(data[i * 4 + c]! * alpha + 255 * (1 - alpha));
  }
  return { width, height, data: rgb };
}

/** Bilinear, with half-pixel centres. */
export function resize({ width, height, data }: Picture, toWidth: number, toHeight: number): Picture {
  const result = new Float32Array(toWidth * toHeight * 3);
  for (let y = 0; y < toHeight; y++) {
    const [y0, y1, fy] = between(y, height, toHeight);
    for (let x = 0; x < toWidth; x++) {
      const [x0, x1, fx] = between(x, width, toWidth);
      for (let c = 0; c < 3; c++) {
        const at = (row: number, column: number) => data[(row * width + column) * 3 + c]!;
        const top = at(y0, x0) * (1 - fx) + at(y0, x1) * fx;
        const bottom = at(y1, x0) * (1 - fx) + at(y1, x1) * fx;
        result[(y * toWidth + x) * 3 + c] = top * (1 - fy) + bottom * fy;
      }
    }
  }
  return { width: toWidth, height: toHeight, data: result };
}

function between(to: number, size: number, toSize: number): [number, number, number] {
  const at = Math.min(size - 1, Math.max(0, ((to + 0.5) * size) / toSize - 0.5));
  const low = Math.floor(at);
  return [low, Math.min(size - 1, low + 1), at - low];
}
