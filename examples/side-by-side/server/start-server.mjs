import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./twins.mjs').Twins} Twins */

const require = createRequire(import.meta.url);

/** Folders that are served whole, by the start of the address. */
const FOLDERS = {
  '/vendor/onnxruntime-web/': dirname(require.resolve('onnxruntime-web')),
  '/vendor/tokenizers/': dirname(require.resolve('@huggingface/tokenizers')),
  '/': fileURLToPath(new URL('../page', import.meta.url)),
};

/** @type {Readonly<Record<string, string>>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** Isolated, so that WebAssembly may use threads; and nothing from elsewhere, whatever a model or a file says. */
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Serves the page on the loopback interface.
 * @param {Twins} twins
 * @param {number} port  0 takes any that is free
 * @returns {Promise<{ url: string, close: () => void }>}
 */
export async function startServer(twins, port) {
  const server = createServer((request, response) => {
    answer(request, response, twins).catch((error) => {
      if (!response.headersSent) response.writeHead(500, HEADERS);
      response.end(String(error?.message ?? error));
    });
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(undefined));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {Twins} twins
 */
async function answer(request, response, twins) {
  // A name that was made to point here (DNS rebinding) is not ours.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) return refuse(response, 403);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
  const path = decoded(new URL(request.url ?? '/', 'http://127.0.0.1').pathname);
  if (path === undefined) return refuse(response, 400);
  if (path === '/events') return sendEvents(response, twins);
  const file = path.startsWith('/models/') ? modelFile(path, twins) : staticFile(path);
  const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || !found?.isFile()) return refuse(response, 404);
  const type = TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
  // A report brings a policy of its own, which lets it have its style inside.
  const policy = path.startsWith('/models/') ? undefined : { 'Content-Security-Policy': POLICY };
  response.writeHead(200, { ...HEADERS, ...policy, 'Content-Type': type, 'Content-Length': found.size });
  if (request.method === 'HEAD') return void response.end();
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}

/** @param {string} path */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** A file of the served folders, never one outside. @param {string} path */
function staticFile(path) {
  const [start = '', folder = ''] = Object.entries(FOLDERS).find(([prefix]) => path.startsWith(prefix)) ?? [];
  const rest = path.slice(start.length) || 'index.html';
  if (rest.includes('\0')) return undefined;
  const file = normalize(join(folder, rest));
  return file.startsWith(folder + sep) ? file : undefined;
}

/** `/models/<id>/<what>`: only files that are known by name. @param {string} path @param {Twins} twins */
function modelFile(path, twins) {
  const [, , id = '', what = ''] = path.split('/');
  const twin = Object.entries(twins.models).find(([name]) => name === id)?.[1];
  if (!twin) return undefined;
  if (what === 'original.onnx') return twin.original?.path;
  if (what === 'compressed.onnx') return twin.compressed?.path;
  if (what === 'report.html') return twin.report;
  return twin.beside.find((file) => basename(file) === what);
}

/** Tells a page how its models stand, now and after every change. @param {import('node:http').ServerResponse} response @param {Twins} twins */
function sendEvents(response, twins) {
  response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
  const send = () => response.write(`data: ${JSON.stringify(stateOf(twins))}\n\n`);
  response.on('close', twins.onChange(send));
  send();
}

/** What the page may know: sizes and addresses, no paths of this machine. @param {Twins} twins */
function stateOf(twins) {
  return Object.fromEntries(
    Object.entries(twins.models).map(([id, { status, message, progress, original, compressed, report, beside }]) => {
      const at = (/** @type {string} */ name) => `/models/${id}/${name}`;
      return [
        id,
        {
          status,
          message,
          progress,
          ...(original && { original: { name: basename(original.path), bytes: original.bytes, url: at('original.onnx') } }),
          ...(compressed && { compressed: { name: basename(compressed.path), bytes: compressed.bytes, url: at('compressed.onnx') } }),
          ...(report !== undefined && { report: at('report.html') }),
          beside: Object.fromEntries(beside.map((file) => [basename(file), at(basename(file))])),
        },
      ];
    }),
  );
}

/** @param {import('node:http').ServerResponse} response @param {number} status */
function refuse(response, status) {
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain' });
  response.end(`${status}\n`);
}
