// What the loader's module exports: all that is needed to decode a .tsr file. Memory from `heapBase` on is the host's.
export const heapBase: usize = __heap_base;
export { crc32c } from './crc32c';
export { sha256 } from './sha256';
export { expandMask, expandMatches, expandPalette, gridClasses, largest, mapClasses, pairClasses } from './expand';
export { joinPlanes } from './planes';
export { buildTable, decodeRans } from './rans-decode';
export { decodeAdaptive } from './adaptive-decode';
export { decodeLevels } from './levels-decode';
