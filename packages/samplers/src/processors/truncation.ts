import { type Candidates, keepAtLeast, maxValue } from "./candidates.js";
import { weightedCut } from "./weighted-cut.js";

/** Working memory of the truncating processors; arrays of `vocabularySize` entries. */
export interface TruncationScratch {
  readonly keys: Float64Array;
  readonly weights: Float64Array;
  /** Copies of keys and weights that {@link weightedCut} reorders. */
  readonly cutKeys: Float64Array;
  readonly cutWeights: Float64Array;
}

export function createTruncationScratch(vocabularySize: number): TruncationScratch {
  const array = () => new Float64Array(vocabularySize);
  return { keys: array(), weights: array(), cutKeys: array(), cutWeights: array() };
}

/** Top-k: keeps values at least as large as the k-th largest, which are more than k when there are ties. */
export function keepTopK(candidates: Candidates, k: number, scratch: TruncationScratch): void {
  const { values, count } = candidates;
  if (k >= count) {
    return;
  }
  const { cutKeys, cutWeights } = scratch;
  for (let i = 0; i < count; i++) {
    cutKeys[i] = values[i]!;
    cutWeights[i] = 1;
  }
  keepAtLeast(candidates, weightedCut(cutKeys, cutWeights, count, k));
}

/**
 * Top-p (nucleus): keeps the smallest set of most likely ids whose probabilities sum to at least `p`, at least one id.
 * Among equally likely ids the lower ones are kept.
 *
 * @see Holtzman et al. 2019, https://arxiv.org/abs/1904.09751
 */
export function keepTopP(candidates: Candidates, p: number, scratch: TruncationScratch): void {
  const total = softmaxWeights(candidates, scratch.weights);
  scratch.keys.set(candidates.values.subarray(0, candidates.count));
  keepHeaviest(candidates, p * total, scratch);
}

/**
 * Min-p: keeps ids that are at least `share` times as likely as the most likely one.
 *
 * @see Nguyen et al. 2024, https://arxiv.org/abs/2407.01082
 */
export function keepMinP(candidates: Candidates, share: number): void {
  keepAtLeast(candidates, maxValue(candidates) + Math.log(share));
}

/**
 * Typical sampling: keeps the ids whose surprisal −log(probability) is nearest to the entropy of the distribution,
 * until their probabilities sum to at least `p`; at least one id. Among equally near ids the lower ones are kept.
 *
 * @see Meister et al. 2022, https://arxiv.org/abs/2202.00666
 */
export function keepTypical(candidates: Candidates, p: number, scratch: TruncationScratch): void {
  const { values, count } = candidates;
  const { keys, weights } = scratch;
  const total = softmaxWeights(candidates, weights);
  const logTotal = maxValue(candidates) + Math.log(total);
  let entropy = 0;
  for (let i = 0; i < count; i++) {
    entropy += (weights[i]! / total) * (logTotal - values[i]!);
  }
  for (let i = 0; i < count; i++) {
    keys[i] = -Math.abs(logTotal - values[i]! - entropy);
  }
  keepHeaviest(candidates, p * total, scratch);
}

/** Writes the unnormalized softmax exp(value − maximum) to `weights` and returns its sum. */
export function softmaxWeights(candidates: Candidates, weights: Float64Array): number {
  const { values, count } = candidates;
  const max = maxValue(candidates);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = Math.exp(values[i]! - max);
    weights[i] = weight;
    total += weight;
  }
  return total;
}

/** Keeps entries by descending key, ties by ascending index, until their weights sum to at least `target`. */
function keepHeaviest(candidates: Candidates, target: number, scratch: TruncationScratch): void {
  const { ids, values, count } = candidates;
  const { keys, weights, cutKeys, cutWeights } = scratch;
  for (let i = 0; i < count; i++) {
    cutKeys[i] = keys[i]!;
    cutWeights[i] = weights[i]!;
  }
  const cut = weightedCut(cutKeys, cutWeights, count, target);
  let weight = 0;
  for (let i = 0; i < count; i++) {
    if (keys[i]! > cut) {
      weight += weights[i]!;
    }
  }
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const key = keys[i]!;
    let keeps = key > cut;
    if (key === cut && weight < target) {
      weight += weights[i]!;
      keeps = true;
    }
    if (keeps) {
      ids[kept] = ids[i]!;
      values[kept] = values[i]!;
      kept++;
    }
  }
  candidates.count = kept;
}
