import { type TokenBatch, VocabularyError } from "@mmgen/core";
import { fields, number, type OptionsOf, optional, resolveOptions } from "@mmgen/core/options";
import { type SequenceLayout, sequenceOrder } from "../layouts/sequence-layout.js";
import { nullToken, padToken } from "../vocabulary/vocabulary.js";

/** What a causal model is trained on: at each position, the ids up to it and the id after it. */
export interface TrainingBatch {
  /** `[rows, length − 1]`, all ids but the last. */
  readonly inputs: TokenBatch;
  /** `[rows, length − 1]`, all ids but the first. */
  readonly targets: TokenBatch;
  /** `[rows, length − 1]`, each target's weight in the loss; absent where all are 1. */
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
   * Multiplies the weights in a sequence's first half: the caption that is drawn, an end marker included, or the image
   * that is captioned; not those of the layout's own markers. 1 when absent. At 0 the model learns only to answer, and
   * spends nothing on guessing what it will be asked; it then cannot invent pairs.
   */
  prompt: optional(number({ min: 0 }), 1),
});

/** A target's weight in the loss, by its modality and place. */
export type LossWeights = OptionsOf<typeof lossWeightsSchema>;

/** What a target weighs, by what it is and where. */
export interface TargetWeights {
  /** Each id's weight, `[vocabularySize]`. */
  readonly ofId: Float32Array;
  /** Multiplies the weight in the places of the modality that a sequence has first. */
  readonly prompt: number;
}

/** Shifts whole sequences by one into inputs and targets. */
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
 * The weights of targets: by modality, and 0 for padding, that of lines too, and the null token.
 *
 * @throws a `ConfigError` when a weight is unknown or not a finite number of at least 0.
 */
export function targetWeights({ config, vocabulary }: SequenceLayout, weights: LossWeights): TargetWeights {
  const { prompt, ...byModality } = resolveOptions(lossWeightsSchema, weights, { path: "weights" });
  const ofId = Float32Array.from({ length: vocabulary.size }, (_, id) => byModality[vocabulary.modality(id)]);
  for (const name of [padToken, nullToken, config.lines?.pad]) {
    if (name !== undefined && vocabulary.hasSpecial(name)) {
      ofId[vocabulary.specialId(name)] = 0;
    }
  }
  return { ofId, prompt };
}

/**
 * A copy of `tokens` in which the null token stands in every place of the chosen rows' first modality, an end marker's and
 * padding's included. Rows whose order is not known yet, such as `<bos>` alone, stay as they are.
 *
 * Trained on some such rows, a model also learns to work without a condition, as guidance needs.
 *
 * @param chosen - Which rows; absent: all.
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
