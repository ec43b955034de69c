/**
 * Finds the largest key `t` such that the weights of all entries with keys of at least `t` sum to at least `target`;
 * −Infinity when all weights together sum to less. Uses selection instead of sorting: linear time on average.
 *
 * @param keys - Reordered together with `weights`.
 * @param weights - At least 0.
 */
export function weightedCut(keys: Float64Array, weights: Float64Array, count: number, target: number): number {
  let low = 0;
  let high = count;
  let above = 0;
  while (low < high) {
    const pivot = medianOfThree(keys[low]!, keys[(low + high) >> 1]!, keys[high - 1]!);
    // Three-way partition: [low, greater) above the pivot, [greater, i) equal to it, [less, high) below.
    let greater = low;
    let less = high;
    let heavier = 0;
    let equal = 0;
    for (let i = low; i < less; ) {
      const key = keys[i]!;
      const weight = weights[i]!;
      if (key > pivot) {
        heavier += weight;
        swap(keys, weights, i++, greater++);
      } else if (key < pivot) {
        swap(keys, weights, i, --less);
      } else {
        equal += weight;
        i++;
      }
    }
    if (above + heavier >= target && greater > low) {
      high = greater;
    } else if (above + heavier + equal >= target) {
      return pivot;
    } else {
      above += heavier + equal;
      low = less;
    }
  }
  return Number.NEGATIVE_INFINITY;
}

function medianOfThree(a: number, b: number, c: number): number {
  return a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b;
}

function swap(keys: Float64Array, weights: Float64Array, i: number, j: number): void {
  const key = keys[i]!;
  keys[i] = keys[j]!;
  keys[j] = key;
  const weight = weights[i]!;
  weights[i] = weights[j]!;
  weights[j] = weight;
}
