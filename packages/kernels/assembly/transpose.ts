// `[rows, columns]` to `[columns, rows]`, for elements of four bytes and of one. Twin of kernels/reference/transpose.ts.

/** Four rows at a time, sixteen columns of them: a cache line of each. */
export function transpose4(values: usize, rows: i32, columns: i32, turned: usize): void {
  const pitch = <usize>columns << 2, turnedPitch = <usize>rows << 2;
  const rows4 = rows & ~3, columns16 = columns & ~15;
  for (let left = 0; left < columns16; left += 16) {
    for (let top = 0; top < rows4; top += 4) {
      let from = values + <usize>top * pitch + (<usize>left << 2);
      let to = turned + <usize>left * turnedPitch + (<usize>top << 2);
      for (let part = 0; part < 4; part++) {
        turnFour(from, pitch, to, turnedPitch);
        from += 16;
        to += turnedPitch << 2;
      }
    }
  }
  turnRest<u32>(values, rows, columns, turned, rows4, columns16);
}

// @ts-ignore: decorator
@inline
function turnFour(from: usize, pitch: usize, to: usize, turnedPitch: usize): void {
  const a = v128.load(from), b = v128.load(from + pitch), c = v128.load(from + 2 * pitch), d = v128.load(from + 3 * pitch);
  const ac0 = v128.shuffle<u32>(a, c, 0, 4, 1, 5), ac1 = v128.shuffle<u32>(a, c, 2, 6, 3, 7);
  const bd0 = v128.shuffle<u32>(b, d, 0, 4, 1, 5), bd1 = v128.shuffle<u32>(b, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<u32>(ac0, bd0, 0, 4, 1, 5));
  v128.store(to + turnedPitch, v128.shuffle<u32>(ac0, bd0, 2, 6, 3, 7));
  v128.store(to + 2 * turnedPitch, v128.shuffle<u32>(ac1, bd1, 0, 4, 1, 5));
  v128.store(to + 3 * turnedPitch, v128.shuffle<u32>(ac1, bd1, 2, 6, 3, 7));
}

const SQUARE: usize = memory.data(256, 16);
const WOVEN: usize = memory.data(256, 16);

/** Squares of sixteen by sixteen. */
export function transpose1(values: usize, rows: i32, columns: i32, turned: usize): void {
  const rows16 = rows & ~15, columns16 = columns & ~15;
  for (let left = 0; left < columns16; left += 16) {
    for (let top = 0; top < rows16; top += 16) {
      const from = values + <usize>top * columns + left, to = turned + <usize>left * rows + top;
      for (let i: usize = 0; i < 16; i++) v128.store(SQUARE + (i << 4), v128.load(from + i * columns));
      // Weaving the first half with the second one turns an element's place one bit to the left; half of eight bits is a transposition.
      weave(SQUARE, WOVEN);
      weave(WOVEN, SQUARE);
      weave(SQUARE, WOVEN);
      weave(WOVEN, SQUARE);
      for (let i: usize = 0; i < 16; i++) v128.store(to + i * rows, v128.load(SQUARE + (i << 4)));
    }
  }
  turnRest<u8>(values, rows, columns, turned, rows16, columns16);
}

// @ts-ignore: decorator
@inline
function weave(from: usize, to: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const a = v128.load(from + (i << 4)), b = v128.load(from + (i << 4), 128);
    v128.store(to + (i << 5), v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(to + (i << 5), v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
  }
}

/** What lies right of the first `doneColumns` or below the first `doneRows`. */
function turnRest<T>(values: usize, rows: i32, columns: i32, turned: usize, doneRows: i32, doneColumns: i32): void {
  for (let column = 0; column < columns; column++) {
    for (let row = column < doneColumns ? doneRows : 0; row < rows; row++) {
      const from = values + (<usize>row * columns + column) * sizeof<T>();
      store<T>(turned + (<usize>column * rows + row) * sizeof<T>(), load<T>(from));
    }
  }
}
