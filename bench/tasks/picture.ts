import { readFileSync, writeFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import { PNG } from 'pngjs';

/** RGB from 0 to 255, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Float32Array;
}

/** How a model wants its pictures: `(x / 255 - mean) / std`, channels in the model's own order. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly channels: 'rgb' | 'bgr';
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

export function writePng(path: string, { width, height, data }: Picture): void {
  const png = new PNG({ width, height, colorType: 2 });
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) png.data[i * 4 + c] = Math.round(data[i * 3 + c]!);
    png.data[i * 4 + 3] = 255;
  }
  writeFileSync(path, PNG.sync.write(png, { colorType: 2 }));
}

/** Bilinear, with half-pixel centres. */
export function resize({ width, height, data }: Picture, toWidth: number, toHeight: number): Picture {
  const result = new Float32Array(toWidth * toHeight * 3);
  for (let y = 0; y < toHeight; y++) {
    const [y0, y1, fy] = between(y, height, toHeight);
    for (let x = 0; x < toWidth; x++) {
      const [x0, x1, fx] = between(x, width, toWidth);
      const [above, below] = [y0 * width, y1 * width];
      for (let c = 0; c < 3; c++) {
        const top = data[(above + x0) * 3 + c]! * (1 - fx) + data[(above + x1) * 3 + c]! * fx;
        const bottom = data[(below + x0) * 3 + c]! * (1 - fx) + data[(below + x1) * 3 + c]! * fx;
        result[(y * toWidth + x) * 3 + c] = top * (1 - fy) + bottom * fy;
      }
    }
  }
  return { width: toWidth, height: toHeight, data: result };
}

/** `width` x `height` pixels from (left, top) on; what lies outside is white. */
export function crop(picture: Picture, left: number, top: number, width: number, height: number, mirrored = false): Picture {
  const data = new Uint8Array(width * height * 3).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fromX, fromY] = [left + (mirrored ? width - 1 - x : x), top + y];
      if (fromX < 0 || fromY < 0 || fromX >= picture.width || fromY >= picture.height) continue;
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = picture.data[(fromY * picture.width + fromX) * 3 + c]!;
    }
  }
  return { width, height, data };
}

/** `[1, 3, height, width]`. */
export function pictureTensor({ width, height, data }: Picture, { mean, std, channels }: Normalisation): Tensor {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    const from = channels === 'bgr' ? 2 - c : c;
    for (let i = 0; i < plane; i++) values[c * plane + i] = (data[i * 3 + from]! / 255 - mean[c]!) / std[c]!;
  }
  return new Tensor('float32', values, [1, 3, height, width]);
}

/** The same for tersor's --preprocess. */
export function preprocessFlag({ mean, std, channels }: Normalisation, size: string): string {
  return `size=${size},scale=1/255,mean=${mean.join('/')},std=${std.join('/')},channels=${channels},layout=nchw`;
}

function between(to: number, size: number, toSize: number): [number, number, number] {
  const at = Math.min(size - 1, Math.max(0, ((to + 0.5) * size) / toSize - 0.5));
  const low = Math.floor(at);
  return [low, Math.min(size - 1, low + 1), at - low];
}
