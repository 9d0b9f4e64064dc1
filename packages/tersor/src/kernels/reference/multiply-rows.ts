/** Twin of assembly/multiply-rows.ts. */
export function multiplyRows(a: Float32Array, b: Float32Array, columns: number): Float32Array {
  const [rows, others] = [a.length / columns, b.length / columns];
  const product = new Float32Array(rows * others);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < others; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum = Math.fround(sum + Math.fround(a[i * columns + k]! * b[j * columns + k]!));
      product[i * others + j] = sum;
    }
  }
  return product;
}
