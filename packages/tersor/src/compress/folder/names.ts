/** `onnx/model.onnx` → `model.onnx`. */
export function fileOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** `onnx/model.onnx` → `onnx/`; nothing for a file of the folder itself. */
export function placeOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

/** Without `.onnx`. */
export function stemOf(name: string): string {
  return name.replace(/\.onnx$/i, '');
}
