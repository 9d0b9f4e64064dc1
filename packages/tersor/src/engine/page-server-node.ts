import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInside } from './external-data.ts';

/** What a page asks for, and what it answers; only this computer can reach it, and only who knows the address. */
export interface PageServer {
  /** Where the page is. */
  readonly url: string;
  /** Hands a message to the page when it asks for the next. */
  send(frame: readonly Uint8Array[]): void;
  /** Lets the page read a model and the files beside it. @returns the address, relative to the page */
  serve(path: string): string;
  close(): Promise<void>;
}

/** Outputs of a run; a frame that is larger cannot be held in one buffer. */
const MAX_REPLY_BYTES = 2 ** 31 - 1;

const PAGE = '<!doctype html><meta charset="utf-8"><title>tersor</title><script type="module" src="app.js"></script>';

/** The page runs our own code and onnxruntime's WebAssembly, and talks to nobody else. Isolation gives it clocks that are fine enough to time a run. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm' };

/** The page's program in one file, from sources too. */
const APP = fileURLToPath(new URL(`${import.meta.url.endsWith('.ts') ? '../../dist' : '..'}/bundle/host-browser.js`, import.meta.url));
const RUNTIME = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-web')), sep);

/** @param onReply  called with each frame that the page sends */
export async function openPageServer(onReply: (frame: Uint8Array<ArrayBuffer>) => void): Promise<PageServer> {
  const token = randomBytes(16).toString('hex');
  const models: string[] = [];
  const queue: (readonly Uint8Array[])[] = [];
  let waiting: ServerResponse | undefined;
  let host = '';

  const deliver = () => {
    const frame = waiting && queue.shift();
    if (!waiting || !frame) return;
    waiting.writeHead(200, { ...HEADERS, 'content-type': 'application/octet-stream' });
    for (const part of frame) waiting.write(part);
    waiting.end();
    waiting = undefined;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const [, given, ...rest] = (request.url ?? '').split('?')[0]?.split('/') ?? [];
    if (request.headers.host !== host || given !== token) return refuse(response, 403);
    const path = rest.join('/');
    if (request.method === 'POST' && path === 'reply') {
      onReply(await bodyOf(request));
      response.writeHead(204, HEADERS).end();
      return;
    }
    if (request.method !== 'GET') return refuse(response, 405);
    if (path === '') return void response.writeHead(200, { ...HEADERS, 'content-type': 'text/html' }).end(PAGE);
    if (path === 'next') {
      waiting = response;
      return deliver();
    }
    const file = await fileOf(rest, models);
    if (file === undefined) return refuse(response, 404);
    await sendFile(file, response);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => (response.headersSent ? response.destroy() : refuse(response, 500)));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  host = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return {
    url: `http://${host}/${token}/`,
    send(frame) {
      queue.push(frame);
      deliver();
    },
    serve(path) {
      models.push(path);
      return `model/${models.length - 1}/${encodeURIComponent(basename(path))}`;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The file behind an address: our program, a part of onnxruntime-web, a model or what lies in its folder. */
async function fileOf([area = '', ...rest]: readonly string[], models: readonly string[]): Promise<string | undefined> {
  if (area === 'app.js') return rest.length === 0 ? APP : undefined;
  if (area === 'ort') return rest.length === 1 && /^ort[\w.-]+\.(mjs|wasm)$/.test(rest[0] ?? '') ? join(RUNTIME, rest[0] ?? '') : undefined;
  const model = area === 'model' ? models[Number(rest[0])] : undefined;
  if (model === undefined || rest.length !== 2) return undefined;
  const name = decodeURIComponent(rest[1] ?? '');
  if (name === basename(model)) return model;
  if (!isInside(name)) return undefined;
  // a link could lead out of the folder although its name does not
  const [folder, file] = await Promise.all([realpath(dirname(model)), realpath(join(dirname(model), name))]);
  return file.startsWith(join(folder, sep)) ? file : undefined;
}

async function sendFile(path: string, response: ServerResponse): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return refuse(response, 404);
  const type = TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': found.size });
  await new Promise<void>((resolve, reject) => {
    createReadStream(path).once('error', reject).pipe(response).once('error', reject).once('close', resolve);
  });
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const length = Number(request.headers['content-length']);
  if (!(length <= MAX_REPLY_BYTES)) throw new RangeError('a reply without a length, or too long');
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array) || at + chunk.length > length) throw new RangeError('a reply longer than it says');
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, HEADERS).end();
}
