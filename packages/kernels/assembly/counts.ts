// How often symbols occur, of a grid's rows, columns or pairs of their groups. Twins of kernels/reference/counts.ts.

// @ts-ignore: decorator
@inline
function increment(at: usize): void {
  store<u32>(at, load<u32>(at) + 1);
}

/** 256 counters for each pair of a row's and a column's group. `output` is zeros already, twice as large as what is counted: neighbours are counted apart. */
export function countPairs(symbols: usize, count: i32, columns: i32, rows: usize, ofColumns: usize, columnGroups: i32, pairs: i32, output: usize): void {
  const end = symbols + <usize>count;
  const second = output + (<usize>pairs << 10);
  while (symbols < end) {
    const base = <usize>(<i32>load<u8>(rows++) * columnGroups);
    const stop = min<usize>(end, symbols + columns);
    let column = ofColumns;
    for (; symbols + 2 <= stop; symbols += 2, column += 2) {
      increment(output + ((base + load<u8>(column)) << 10) + (<usize>load<u8>(symbols) << 2));
      increment(second + ((base + load<u8>(column, 1)) << 10) + (<usize>load<u8>(symbols, 1) << 2));
    }
    if (symbols < stop) increment(output + ((base + load<u8>(column)) << 10) + (<usize>load<u8>(symbols++) << 2));
  }
  for (let i: usize = 0; i < <usize>pairs << 10; i += 4) store<u32>(output + i, load<u32>(output + i) + load<u32>(second + i));
}

/** 256 counters for each value of `above` in the symbols' place. `output` is zeros already. */
export function countBelow(symbols: usize, above: usize, count: i32, output: usize): void {
  for (let i: i32 = 0; i < count; i++) increment(output + (<usize>load<u8>(above + i) << 10) + (<usize>load<u8>(symbols + i) << 2));
}

/** Of each row or column, the sum of its symbols, counted from `first`, and of their squares, as doubles. `sums` and `squares` are zeros already. */
export function lineMoments(symbols: usize, count: i32, columns: i32, isRow: i32, first: i32, sums: usize, squares: usize): void {
  const end = symbols + <usize>count;
  for (let row: usize = 0; symbols < end; row += 8) {
    const stop = min<usize>(end, symbols + columns);
    if (isRow) {
      let sum: u64 = 0, square: u64 = 0;
      for (; symbols < stop; symbols++) {
        const value = (<u32>load<u8>(symbols) - first) & 255;
        sum += value;
        square += value * value;
      }
      store<f64>(sums + row, <f64>sum);
      store<f64>(squares + row, <f64>square);
    } else {
      for (let at: usize = 0; symbols < stop; symbols++, at += 8) {
        const value = <f64>((<u32>load<u8>(symbols) - first) & 255);
        store<f64>(sums + at, load<f64>(sums + at) + value);
        store<f64>(squares + at, load<f64>(squares + at) + value * value);
      }
    }
  }
}

/** `span` float counters for each bundle of lines; `bundles` are halfwords, one for each row or column. `output` is zeros already. */
export function countLines(symbols: usize, count: i32, columns: i32, isRow: i32, first: i32, span: i32, bundles: usize, output: usize): void {
  const end = symbols + <usize>count;
  const width = <usize>span << 2;
  for (; symbols < end; bundles += isRow << 1) {
    const stop = min<usize>(end, symbols + columns);
    let bundle = bundles;
    for (; symbols < stop; symbols++) {
      const at = output + <usize>load<u16>(bundle) * width + (<usize>((<u32>load<u8>(symbols) - first) & 255) << 2);
      store<f32>(at, load<f32>(at) + 1);
      if (!isRow) bundle += 2;
    }
  }
}
