/**
 * Memory for an output of which every byte will be written: Node can leave out filling it with zeros first, which for the fastest
 * kernels costs as much as a third of their work.
 */
export function unwritten(bytes: number): ArrayBuffer {
  const node = globalThis.process?.getBuiltinModule?.('node:buffer');
  return node ? node.Buffer.allocUnsafeSlow(bytes).buffer : new ArrayBuffer(bytes);
}
