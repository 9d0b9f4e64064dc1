// CRC-32C (Castagnoli), eight bytes at a time. Twin of kernels/reference/crc32c.ts.

const TABLES = memory.data(8192, 16);
let isFilled = false;

function fillTables(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >> 1) ^ (0x82f63b78 & (0 - (value & 1)));
    store<u32>(TABLES + (<usize>byte << 2), value);
  }
  for (let i: usize = 1024; i < 8192; i += 4) {
    const before = load<u32>(TABLES + i - 1024);
    store<u32>(TABLES + i, (before >> 8) ^ load<u32>(TABLES + (<usize>(before & 255) << 2)));
  }
  isFilled = true;
}

// @ts-ignore: decorator
@inline
function step(table: usize, byte: u32): u32 {
  return load<u32>(TABLES + (table << 10) + (<usize>(byte & 255) << 2));
}

export function crc32c(bytes: usize, length: i32): u32 {
  if (!isFilled) fillTables();
  let crc: u32 = 0xffffffff;
  const end = bytes + length;
  for (; bytes + 8 <= end; bytes += 8) {
    const low = load<u32>(bytes) ^ crc, high = load<u32>(bytes, 4);
    crc =
      step(7, low) ^ step(6, low >> 8) ^ step(5, low >> 16) ^ step(4, low >> 24) ^
      step(3, high) ^ step(2, high >> 8) ^ step(1, high >> 16) ^ step(0, high >> 24);
  }
  for (; bytes < end; bytes++) crc = (crc >> 8) ^ step(0, crc ^ load<u8>(bytes));
  return ~crc;
}
