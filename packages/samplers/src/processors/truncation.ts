import { type Candidates, keepFrom, largestValue } from "./candidates.js";
import { weightedCut } from "./weighted-cut.js";

/** Working memory of the truncating processors, as long as the vocabulary. */
export interface TruncationScratch {
  readonly keys: Float64Array;
  readonly weights: Float64Array;
  /** Reordered by the selection. */
  readonly cutKeys: Float64Array;
  readonly cutWeights: Float64Array;
}

export function createTruncationScratch(vocabularySize: number): TruncationScratch {
  const array = () => new Float64Array(vocabularySize);
  return { keys: array(), weights: array(), cutKeys: array(), cutWeights: array() };
}

/** Keeps the values at least as large as the k-th largest: more than k where some equal it. */
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
  keepFrom(candidates, weightedCut(cutKeys, cutWeights, count, k));
}

/**
 * Keeps the smallest set of most likely ids whose probabilities reach `p`; of equals, the first. At least one.
 *
 * @see Holtzman et al. 2019, https://arxiv.org/abs/1904.09751
 */
export function keepTopP(candidates: Candidates, p: number, scratch: TruncationScratch): void {
  const total = softmaxWeights(candidates, scratch.weights);
  scratch.keys.set(candidates.values.subarray(0, candidates.count));
  keepHeaviest(candidates, p * total, scratch);
}

/** Keeps ids at least `share` times as likely as the most likely. */
export function keepMinP(candidates: Candidates, share: number): void {
  keepFrom(candidates, largestValue(candidates) + Math.log(share));
}

/**
 * Keeps the smallest set reaching probability `p` of the ids whose surprise −log(probability) is nearest to the
 * distribution's entropy; of equals, the first. At least one.
 *
 * @see Meister et al. 2022, https://arxiv.org/abs/2202.00666
 */
export function keepTypical(candidates: Candidates, p: number, scratch: TruncationScratch): void {
  const { values, count } = candidates;
  const { keys, weights } = scratch;
  const total = softmaxWeights(candidates, weights);
  const logTotal = largestValue(candidates) + Math.log(total);
  let entropy = 0;
  for (let i = 0; i < count; i++) {
    entropy += (weights[i]! / total) * (logTotal - values[i]!);
  }
  for (let i = 0; i < count; i++) {
    keys[i] = -Math.abs(logTotal - values[i]! - entropy);
  }
  keepHeaviest(candidates, p * total, scratch);
}

/** Writes exp(value − largest) to `weights` and returns their sum: probabilities times that sum. */
export function softmaxWeights(candidates: Candidates, weights: Float64Array): number {
  const { values, count } = candidates;
  const largest = largestValue(candidates);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = Math.exp(values[i]! - largest);
    weights[i] = weight;
    total += weight;
  }
  return total;
}

/** Keeps the entries of largest key, and of the smallest such key the first, until they weigh `target`. */
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
