export type { Chunk, Header, Piece, Stream } from './container.ts';
export type { Elements } from './decode-chunk.ts';
export { type Decoder, openDecoder } from './decoder.ts';
export type { DownloadOptions } from './download.ts';
export { TsrError } from './error.ts';
export { type LoadOptions, loadFile, loadModel, type Ort } from './load-model.ts';
export { type Bytes, openTsr, readChunk, unpackFile } from './unpack.ts';
