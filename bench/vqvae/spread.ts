/** Mean of several values. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The standard deviation of several values, as " ± 0.2"; an empty string for one value. */
export function formatSpread(values: readonly number[], digits: number): string {
  if (values.length < 2) {
    return "";
  }
  const mean = meanOf(values);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return ` ± ${Math.sqrt(variance).toFixed(digits)}`;
}
