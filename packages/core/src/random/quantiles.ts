/** Standard Gumbel noise of a word that is uniform in `[0, 2^32)`. */
export function quantile(word: number): number {
  // (word + 0.5) / 2^32 lies strictly inside (0, 1), so both logarithms are finite.
  return -Math.log(-Math.log(((word >>> 0) + 0.5) / 2 ** 32));
}

let made: Float32Array | undefined;

/** The noise of the middle of each of 2¹⁶ equally likely intervals. */
export function quantiles(): Float32Array {
  made ??= Float32Array.from({ length: 2 ** 16 }, (_, i) => -Math.log(-Math.log((i + 0.5) / 2 ** 16)));
  return made;
}
