// The way back of base.ts. Twin of kernels/reference/base.ts.

function subtractOf<T>(elements: usize, base: usize, count: i32, isTurned: i32, isXor: i32, output: usize): void {
  const top = <T>1 << <T>(sizeof<T>() * 8 - 1);
  const end = elements + <usize>count * sizeof<T>();
  for (; elements < end; elements += sizeof<T>(), base += sizeof<T>(), output += sizeof<T>()) {
    let value = load<T>(elements);
    let from = load<T>(base);
    if (isXor) {
      store<T>(output, value ^ from);
      continue;
    }
    if (isTurned) {
      value = (value & top) != 0 ? ~value : value | top;
      from = (from & top) != 0 ? ~from : from | top;
    }
    const difference: T = value - from;
    store<T>(output, (difference << 1) ^ ((difference & top) != 0 ? <T>~0 : 0));
  }
}

/** What `addBase` makes the elements of again. */
export function subtractBase(elements: usize, base: usize, count: i32, width: i32, isTurned: i32, isXor: i32, output: usize): void {
  if (width == 1) subtractOf<u8>(elements, base, count, isTurned, isXor, output);
  else if (width == 2) subtractOf<u16>(elements, base, count, isTurned, isXor, output);
  else if (width == 4) subtractOf<u32>(elements, base, count, isTurned, isXor, output);
  else subtractOf<u64>(elements, base, count, isTurned, isXor, output);
}
