import { ConfigError, type TokenBatch } from "@mmgen/core";
import { type Modality, nullToken, padToken, type Vocabulary } from "./vocabulary.js";

/** What a causal model is trained on: at each position, the ids up to it and the id after it. */
export interface TrainingBatch {
  /** `[rows, length − 1]`, all ids but the last. */
  readonly inputs: TokenBatch;
  /** `[rows, length − 1]`, all ids but the first. */
  readonly targets: TokenBatch;
  /** `[rows, length − 1]`, each target's weight in the loss; absent where all are 1. */
  readonly weights?: Float32Array;
}

/** A target's weight in the loss by what it is; 1 where absent. */
export type ModalityWeights = Partial<Readonly<Record<Modality, number>>>;

/**
 * Shifts whole sequences by one into inputs and targets.
 *
 * @param weightOf - Each id's weight as a target, by id.
 */
export function shiftForTraining(tokens: TokenBatch, weightOf: Float32Array): TrainingBatch {
  const { data, count, length } = tokens;
  const steps = Math.max(0, length - 1);
  const inputs = new Int32Array(count * steps);
  const targets = new Int32Array(count * steps);
  const weights = new Float32Array(count * steps);
  let uniform = true;
  for (let row = 0; row < count; row++) {
    inputs.set(data.subarray(row * length, row * length + steps), row * steps);
    targets.set(data.subarray(row * length + 1, row * length + 1 + steps), row * steps);
  }
  for (let i = 0; i < targets.length; i++) {
    weights[i] = weightOf[targets[i]!]!;
    uniform &&= weights[i] === 1;
  }
  return {
    inputs: { data: inputs, count, length: steps },
    targets: { data: targets, count, length: steps },
    ...(uniform ? {} : { weights }),
  };
}

/**
 * Each id's weight as a target, `[vocabularySize]`: that of its modality, and 0 for padding and the null token.
 *
 * @param linePadding - The character that fills lines up, in the layout `lines`.
 * @throws a {@link ConfigError} when a weight is not a finite number of at least 0.
 */
export function modalityWeights(vocabulary: Vocabulary, weights: ModalityWeights, linePadding?: string): Float32Array {
  for (const [modality, weight] of Object.entries(weights)) {
    if (!["special", "text", "image"].includes(modality) || !(Number.isFinite(weight) && weight >= 0)) {
      throw new ConfigError(
        `weights: expected numbers of at least 0 for special, text and image, got ${weight} for "${modality}".`,
      );
    }
  }
  const weightOf = Float32Array.from({ length: vocabulary.size }, (_, id) => weights[vocabulary.modality(id)] ?? 1);
  for (const name of [padToken, nullToken, linePadding]) {
    if (name !== undefined && vocabulary.hasSpecial(name)) {
      weightOf[vocabulary.specialId(name)] = 0;
    }
  }
  return weightOf;
}
