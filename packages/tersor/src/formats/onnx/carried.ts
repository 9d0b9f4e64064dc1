import { TersorError } from '../../core/error.ts';
import type { Range } from '../ranges.ts';
import { EXTERNAL, TENSOR } from './proto/schema.ts';
import { type MessageKind, NESTED, skim } from './proto/skim.ts';
import { count, fieldsOf } from './proto/wire.ts';

/**
 * Checks that functions and training information can be carried as they are: what they keep in external data would be lost.
 * @throws FILE_UNSUPPORTED
 */
export async function checkCarried({ source, offset, length }: Range): Promise<void> {
  const header = await skim(source, 'carried', offset, offset + length);
  if (!namesExternalData(header, 'carried', source.name)) return;
  throw new TersorError(
    'FILE_UNSUPPORTED',
    source.name,
    'functions or training information keep weights in external data',
    'inline them first: onnx.inliner.inline_local_functions, or export without training information',
  );
}

function namesExternalData(message: Uint8Array, kind: MessageKind, where: string): boolean {
  for (const field of fieldsOf(message, where)) {
    const inner = NESTED[kind].get(field.number);
    if (inner && field.wire === 2 && namesExternalData(field.payload, inner, where)) return true;
    if (kind === 'tensor' && field.number === TENSOR.location && count(field, where, 'data location') === EXTERNAL) return true;
  }
  return false;
}
