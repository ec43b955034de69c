/** Rows of numbers, `[count, dimension]` row-major. */
export interface Rows<Data extends ArrayLike<number> = Float32Array> {
  readonly data: Data;
  readonly count: number;
  readonly dimension: number;
}

/** The squared Euclidean distance of row `i` of `a` and row `j` of `b`, summed in float64. */
export function squaredDistance(a: Rows<ArrayLike<number>>, i: number, b: Rows<ArrayLike<number>>, j: number): number {
  const { dimension } = a;
  const [from, to] = [i * dimension, j * dimension];
  let sum = 0;
  for (let k = 0; k < dimension; k++) {
    const difference = a.data[from + k]! - b.data[to + k]!;
    sum += difference * difference;
  }
  return sum;
}
