/** Means, and the weight of what they are means over. */
export interface WeightedValues {
  readonly values: readonly number[];
  readonly weight: number | undefined;
}

/**
 * The means over all of several parts from the means of each. Parts of weight 0 count nothing, whatever they hold.
 *
 * Weights count relative to the first: where all are equal, or one is not known, the result is the plain mean to the bit.
 *
 * @returns The means, and the weights' sum where all are known; `undefined` where no part counts.
 */
export function weightedMeans(parts: readonly WeightedValues[]): WeightedValues | undefined {
  const counted = parts.filter(({ weight }) => weight !== 0);
  const [first] = counted;
  if (first === undefined) {
    return undefined;
  }
  const isKnown = counted.every(({ weight }) => weight !== undefined);
  const factors = counted.map(({ weight }) => (isKnown ? weight! / first.weight! : 1));
  const total = factors.reduce((sum, factor) => sum + factor, 0);
  const values = first.values.map(
    (_, i) => counted.reduce((sum, { values }, part) => sum + values[i]! * factors[part]!, 0) / total,
  );
  return { values, weight: isKnown ? total * first.weight! : undefined };
}
