import { ConfigError, type TokenBatch } from "@mmgen/core";
import { sequenceOrder } from "./sequence-order.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { type Modality, nullToken, padToken } from "./vocabulary.js";

/** What a causal model is trained on: at each position, the ids up to it and the id after it. */
export interface TrainingBatch {
  /** `[rows, length − 1]`, all ids but the last. */
  readonly inputs: TokenBatch;
  /** `[rows, length − 1]`, all ids but the first. */
  readonly targets: TokenBatch;
  /** `[rows, length − 1]`, each target's weight in the loss; absent where all are 1. */
  readonly weights?: Float32Array;
}

/** A target's weight in the loss by what it is; each 1 where absent. */
export interface LossWeights extends Partial<Readonly<Record<Modality, number>>> {
  /**
   * Multiplies the weights in a sequence's first half: the caption that is drawn, an end marker included, or the image
   * that is captioned; not those of the layout's own markers. At 0 the model learns only to answer, and spends nothing on
   * guessing what it will be asked; it then cannot invent pairs.
   */
  readonly prompt?: number;
}

/** What a target weighs, by what it is and where. */
export interface TargetWeights {
  /** Each id's weight, `[vocabularySize]`. */
  readonly ofId: Float32Array;
  /** Multiplies the weight in the places of the modality that a sequence has first. */
  readonly prompt: number;
}

/** Shifts whole sequences by one into inputs and targets. */
export function shiftForTraining(
  parts: TokenizerParts,
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
    const order = prompt === 1 ? undefined : sequenceOrder(parts, ids);
    const inPrompt = order && parts.firstHalves[order];
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
 * @throws a {@link ConfigError} when a weight is not a finite number of at least 0.
 */
export function targetWeights({ config, vocabulary }: TokenizerParts, weights: LossWeights): TargetWeights {
  for (const [name, weight] of Object.entries(weights)) {
    if (!["special", "text", "image", "prompt"].includes(name) || !(Number.isFinite(weight) && weight >= 0)) {
      throw new ConfigError(
        `weights: expected numbers of at least 0 for special, text, image and prompt, got ${weight} for "${name}".`,
      );
    }
  }
  const ofId = Float32Array.from({ length: vocabulary.size }, (_, id) => weights[vocabulary.modality(id)] ?? 1);
  for (const name of [padToken, nullToken, config.lines?.pad]) {
    if (name !== undefined && vocabulary.hasSpecial(name)) {
      ofId[vocabulary.specialId(name)] = 0;
    }
  }
  return { ofId, prompt: weights.prompt ?? 1 };
}
