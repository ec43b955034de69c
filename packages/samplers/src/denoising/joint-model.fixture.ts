import type { Denoiser, TokenBatch } from "@mmgen/core";

/** A distribution over whole sequences of a few ids, by enumeration. */
export interface JointModel extends Denoiser {
  readonly codes: number;
  readonly length: number;
  readonly maskId: number;
  /** Probability of each sequence, in the order of {@link JointModel.sequence}. */
  readonly joint: Float64Array;
  /** Batches that the model has been asked about. */
  readonly seen: TokenBatch[];
  sequence(index: number): number[];
  indexOf(ids: ArrayLike<number>): number;
}

/** What the model knows of a corruption: the probability of `noised` at a position, given the original id there. */
export type Channel = (noised: number, original: number) => number;

/**
 * A denoiser whose logits are exact: log p(original id | corrupted sequence), for ids 0 … codes − 1 and mask id `codes`,
 * each position corrupted by itself. An id outside of the codes and the mask makes the model refuse.
 *
 * @param channelOf - Absent: ids that are not masked are original.
 */
export function jointModel(
  { codes, length, weight }: { codes: number; length: number; weight: (ids: number[]) => number },
  channelOf?: (call: number) => Channel,
): JointModel {
  const maskId = codes;
  const count = codes ** length;
  const sequence = (index: number) =>
    Array.from({ length }, (_, position) => Math.floor(index / codes ** position) % codes);
  const weights = Float64Array.from({ length: count }, (_, i) => weight(sequence(i)));
  const total = weights.reduce((sum, each) => sum + each);
  const joint = weights.map((each) => each / total);
  const seen: TokenBatch[] = [];
  const masked: Channel = (noised, original) => (noised === maskId || noised === original ? 1 : 0);
  return {
    vocabularySize: codes + 1,
    codes,
    length,
    maskId,
    joint,
    seen,
    sequence,
    indexOf: (ids) => Array.from(ids).reduce((sum, id, position) => sum + id * codes ** position, 0),
    async logits(ids) {
      const channel = channelOf?.(seen.length) ?? masked;
      seen.push({ ...ids, data: ids.data.slice() });
      const logits = new Float32Array(ids.data.length * (codes + 1));
      const known = new Map<string, Float32Array>();
      for (let row = 0; row < ids.count; row++) {
        const noised = ids.data.subarray(row * length, (row + 1) * length);
        const key = noised.join();
        const found = known.get(key) ?? conditionals(noised);
        known.set(key, found);
        logits.set(found, row * found.length);
      }
      return logits;

      function conditionals(noised: Int32Array): Float32Array {
        const out = new Float32Array(length * (codes + 1)).fill(-1e4);
        const marginals = Array.from({ length }, () => new Float64Array(codes));
        for (let i = 0; i < count; i++) {
          const original = sequence(i);
          const likelihood = original.reduce((p, id, position) => p * channel(noised[position]!, id), joint[i]!);
          original.forEach((id, position) => {
            marginals[position]![id]! += likelihood;
          });
        }
        marginals.forEach((shares, position) => {
          const sum = shares.reduce((a, b) => a + b);
          shares.forEach((share, id) => {
            out[position * (codes + 1) + id] = share === 0 ? -1e4 : Math.log(share / sum);
          });
        });
        return out;
      }
    },
  };
}

/** Weights that make neighbors agree more often than not, and ids unequally frequent. */
export const agreeing = (ids: number[]) =>
  ids.reduce((w, id, i) => w * (1 + 0.4 * id) * (i > 0 && ids[i - 1] === id ? 3 : 1), 1);
