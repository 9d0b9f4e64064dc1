import { TersorError } from '../core/error.ts';

/** Bytes of red, green and blue, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** More than any camera's picture; a file that claims more wants to fill the memory. */
export const MAX_PIXELS = 2 ** 26;

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const HEADER_BYTES = 24;
/** The decoder's own buffers are a few times the picture. */
const JPEG_MEMORY_MB = 1024;

/**
 * A PNG or JPEG as red, green and blue. Transparency is laid on white; 16 bits become 8.
 * @throws DATA_INVALID when it is neither, is broken, or larger than 64 megapixels
 */
export async function decodePicture(bytes: Uint8Array, where: string): Promise<Picture> {
  const isPng = PNG_SIGNATURE.every((byte, index) => bytes[index] === byte);
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new TersorError('DATA_INVALID', where, 'is neither PNG nor JPEG', 'convert it to one of them');
  try {
    return isPng ? await decodePng(bytes, where) : await decodeJpeg(bytes);
  } catch (error) {
    if (error instanceof TersorError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new TersorError('DATA_INVALID', where, `does not decode: ${reason}`, 'leave it out', { cause: error });
  }
}

async function decodePng(bytes: Uint8Array, where: string): Promise<Picture> {
  if (bytes.length < HEADER_BYTES) throw new TersorError('DATA_INVALID', where, 'ends within its header', 'leave it out');
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [claimedWidth, claimedHeight] = [header.getUint32(16), header.getUint32(20)];
  if (claimedWidth * claimedHeight > MAX_PIXELS)
    throw new TersorError('DATA_INVALID', where, `claims ${claimedWidth} x ${claimedHeight} pixels`, 'make it smaller first');
  const { PNG } = (await import('pngjs')).default;
  const { width, height, data } = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[i * 4 + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = Math.round(data[i * 4 + c]! * alpha + 255 * (1 - alpha));
  }
  return { width, height, data: rgb };
}

async function decodeJpeg(bytes: Uint8Array): Promise<Picture> {
  const { decode } = (await import('jpeg-js')).default;
  const { width, height, data } = decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: MAX_PIXELS / 1e6,
    maxMemoryUsageInMB: JPEG_MEMORY_MB,
  });
  return { width, height, data };
}
