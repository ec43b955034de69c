import { type TokenBatch, VocabularyError } from "@mmgen/core";
import { fields, number, type OptionsOf, optional, resolveOptions } from "@mmgen/core/options";
import { type SequenceLayout, sequenceOrder } from "../layouts/sequence-layout.js";
import { maskToken, nullToken, padToken } from "../vocabulary/vocabulary.js";

/** Training batch of a causal model: the target at each position is the id that follows. */
export interface TrainingBatch {
  /** `[rows, length − 1]`, all ids but the last. */
  readonly inputs: TokenBatch;
  /** `[rows, length − 1]`, all ids but the first. */
  readonly targets: TokenBatch;
  /** Loss weight of each target, `[rows, length − 1]`; absent when all are 1. */
  readonly weights?: Float32Array;
}

const lossWeightsSchema = fields({
  /** Weight of markers, `<end>` included; 1 when absent. */
  special: optional(number({ min: 0 }), 1),
  /** Weight of words; 1 when absent. */
  text: optional(number({ min: 0 }), 1),
  /** Weight of image codes; 1 when absent. */
  image: optional(number({ min: 0 }), 1),
  /**
   * Factor for the weights of the modality that comes first: the caption (its end marker included) from which an image
   * is generated, or the image that is captioned; markers of the layout are not affected. 1 when absent. With 0 the
   * model learns only to continue a prompt, and cannot generate unconditional pairs.
   */
  prompt: optional(number({ min: 0 }), 1),
});

/** Loss weights of targets, by modality and position. */
export type LossWeights = OptionsOf<typeof lossWeightsSchema>;

/** Loss weights of targets, by id and position. */
export interface TargetWeights {
  /** Weight of each id, `[vocabularySize]`. */
  readonly ofId: Float32Array;
  /** Factor for positions of the modality that comes first. */
  readonly prompt: number;
}

/** Splits sequences into inputs and targets, shifted by one position. */
export function shiftForTraining(
  layout: SequenceLayout,
  tokens: TokenBatch,
  { ofId, prompt }: TargetWeights,
): TrainingBatch {
  const { data, count, length } = tokens;
  const steps = Math.max(0, length - 1);
  const inputs = new Int32Array(count * steps);
  const targets = new Int32Array(count * steps);
  const weights = new Float32Array(count * steps);
  let uniform = true;
  for (let row = 0; row < count; row++) {
    const ids = data.subarray(row * length, (row + 1) * length);
    const order = prompt === 1 ? undefined : sequenceOrder(layout, ids);
    const inPrompt = order && layout.firstHalves[order];
    inputs.set(ids.subarray(0, steps), row * steps);
    targets.set(ids.subarray(1), row * steps);
    for (let step = 0; step < steps; step++) {
      const weight = ofId[ids[step + 1]!]! * (inPrompt?.[step + 1] ? prompt : 1);
      weights[row * steps + step] = weight;
      uniform &&= weight === 1;
    }
  }
  return {
    inputs: { data: inputs, count, length: steps },
    targets: { data: targets, count, length: steps },
    ...(uniform ? {} : { weights }),
  };
}

/**
 * Computes the loss weight of each id: the weight of its modality, and 0 for padding (also of lines) and the null and
 * mask tokens.
 *
 * @throws a `ConfigError` when a weight is unknown or not a finite number of at least 0.
 */
export function targetWeights({ config, vocabulary }: SequenceLayout, weights: LossWeights): TargetWeights {
  const { prompt, ...byModality } = resolveOptions(lossWeightsSchema, weights, { path: "weights" });
  const ofId = Float32Array.from({ length: vocabulary.size }, (_, id) => byModality[vocabulary.modality(id)]);
  for (const name of [padToken, nullToken, maskToken, config.lines?.pad]) {
    if (name !== undefined && vocabulary.hasSpecial(name)) {
      ofId[vocabulary.specialId(name)] = 0;
    }
  }
  return { ofId, prompt };
}

/**
 * Replaces the condition of the chosen rows by null tokens: every position of the modality that comes first, end marker
 * and padding included. Rows whose order is not determined yet, such as `<bos>` alone, stay unchanged.
 *
 * A model that is trained on some such rows can also generate without a condition, as guidance requires.
 *
 * @param chosen - Whether a row is chosen; absent: all rows.
 * @returns A copy; yours.
 * @throws a {@link VocabularyError} when the vocabulary has no null token.
 * @see Ho and Salimans 2022, https://arxiv.org/abs/2207.12598
 */
export function dropCondition(
  layout: SequenceLayout,
  tokens: TokenBatch,
  chosen: (row: number) => boolean = () => true,
): TokenBatch {
  const { firstHalves, vocabulary } = layout;
  if (!vocabulary.hasSpecial(nullToken)) {
    throw new VocabularyError("This tokenizer has no null token; create it with nullToken: true to drop conditions.");
  }
  const nothing = vocabulary.specialId(nullToken);
  const { count, length } = tokens;
  const data = tokens.data.slice();
  for (let row = 0; row < count; row++) {
    const ids = data.subarray(row * length, (row + 1) * length);
    const order = chosen(row) ? sequenceOrder(layout, ids) : undefined;
    for (let i = 0; order !== undefined && i < length; i++) {
      if (firstHalves[order][i]) {
        ids[i] = nothing;
      }
    }
  }
  return { data, count, length };
}
