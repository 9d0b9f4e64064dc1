import { TersorError } from '../../core/error.ts';
import type { Source } from '../../core/source.ts';

const HEAD = 512;

/** Files that are often taken for models, by how they begin. */
const KNOWN: readonly { readonly is: (head: string) => boolean; readonly what: string; readonly hint: string }[] = [
  {
    is: (head) => head.startsWith('version https://git-lfs'),
    what: 'is a Git LFS pointer, not the model itself',
    hint: 'fetch the file behind it: git lfs pull',
  },
  {
    is: (head) => /^\s*<(!doctype|html|\?xml|head|body)/i.test(head),
    what: 'is a web page: the download failed',
    hint: 'open the address in a browser; it may need a login, or "resolve" instead of "blob" in its path',
  },
  {
    is: (head) => ['PK\x03\x04', 'PK\x05\x06'].some((magic) => head.startsWith(magic)),
    what: 'is a zip archive',
    hint: 'unpack it; a PyTorch checkpoint must be exported first: torch.onnx.export',
  },
  { is: (head) => head.startsWith('\x1f\x8b'), what: 'is compressed with gzip', hint: 'unpack it: gzip -d' },
  { is: (head) => head.startsWith('\x28\xb5\x2f\xfd'), what: 'is compressed with zstd', hint: 'unpack it: zstd -d' },
  {
    is: (head) => head.slice(4, 8) === 'ORTM',
    what: "is in onnxruntime's own .ort format",
    hint: 'give the .onnx file that it was made from',
  },
  { is: (head) => head.slice(4, 8) === 'TFL3', what: 'is a TensorFlow Lite model', hint: 'convert it first: tflite2onnx' },
  { is: (head) => head.startsWith('GGUF'), what: 'is a GGUF file', hint: 'give it the name that says so: model.gguf' },
  { is: (head) => head.startsWith('\x89HDF'), what: 'is an HDF5 file (Keras)', hint: 'export it first: tf2onnx' },
  {
    is: (head) => /^.{8}\{"/s.test(head) && head.slice(4, 8) === '\0\0\0\0',
    what: 'is a safetensors file',
    hint: 'give it the name that says so: model.safetensors',
  },
  {
    is: (head) => head.startsWith('\x80') && head[1] !== undefined && head[1] <= '\x05',
    what: 'is a Python pickle',
    hint: 'export it first: torch.onnx.export',
  },
  { is: (head) => /^[\s -~]{16,}$/.test(head), what: 'is text', hint: 'give the .onnx file itself' },
];

/** Whether the file can be ONNX at all, to say more than "damaged". @throws FILE_UNSUPPORTED with what it is instead */
export async function sniff(source: Source): Promise<void> {
  if (source.size === 0) throw new TersorError('FILE_CORRUPT', source.name, 'is empty', 'fetch or export it again');
  const head = String.fromCharCode(...(await source.read(0, Math.min(HEAD, source.size))));
  const known = KNOWN.find(({ is }) => is(head));
  if (known) throw new TersorError('FILE_UNSUPPORTED', source.name, known.what, known.hint);
}
