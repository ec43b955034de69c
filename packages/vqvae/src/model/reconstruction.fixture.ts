import type { CodeLayout, ImageBatch } from "@mmgen/core";

/** Mean squared error of levels scaled to [0, 1], and the share of levels that are exactly the original's. */
export function reconstructionMetrics(images: ImageBatch, reconstructions: ImageBatch) {
  const differences = Array.from(images.data, (level, i) => level - reconstructions.data[i]!);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    meanSquaredError: mean(differences.map((difference) => (difference / images.maxValue) ** 2)),
    exactLevelAccuracy: mean(differences.map((difference) => Number(difference === 0))),
  };
}

/** How often each code of each codebook comes, by codebook, of a layout without palette colors. */
export function countCodes({ codebooks, codebookSize }: CodeLayout, codes: Int32Array): Int32Array[] {
  const counts = Array.from({ length: codebooks }, () => new Int32Array(codebookSize));
  for (const [i, code] of codes.entries()) {
    counts[i % codebooks]![code]!++;
  }
  return counts;
}

/** exp of the entropy of each codebook's codes, their mean. */
export function codePerplexity(counts: readonly Int32Array[]): number {
  const perplexities = counts.map((codebook) => {
    const total = codebook.reduce((sum, count) => sum + count, 0);
    const entropy = codebook.reduce(
      (sum, count) => sum - (count > 0 ? (count / total) * Math.log(count / total) : 0),
      0,
    );
    return Math.exp(entropy);
  });
  return perplexities.reduce((sum, value) => sum + value, 0) / perplexities.length;
}
