/** Longer messages repeat themselves; the start says what is wrong. */
const MAX_CHARACTERS = 600;

/** Source position and signature of the C++ function that failed, as onnxruntime puts them before its message. */
const CPP_ORIGIN = /\S+\.(?:cc|cpp|h|hpp):\d+\s+(?:[\w:<>,&*~ ]*?\((?:[^()]|\([^()]*\))*\)(?: const)?(?: \[[^\]]*\])?\s*)?/g;

/** The runtime's own words without error codes, C++ source positions and the folder that the model lies in. */
export function cleanWords(message: string): string {
  const words = message
    .replace(/^Error:\s*/, '')
    .replace(/.*?ERROR_CODE: \d+, ERROR_MESSAGE: /s, '')
    .replace(/^(?:Failed to load model because |Load model from .*? failed:)\s*/s, '')
    .replace(CPP_ORIGIN, '')
    .replace(/(?:[A-Za-z]:)?(?:[\\/][^\\/\s'":]+)+[\\/](?=[^\\/\s'":]+\.(?:onnx(?:_data)?|ort|data|bin|tmp)\b)/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  return words.length > MAX_CHARACTERS ? `${words.slice(0, MAX_CHARACTERS)}...` : words;
}
