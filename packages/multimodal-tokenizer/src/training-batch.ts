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

/** A target's weight in the loss by what it is; each 1 where absent. */
export interface LossWeights extends Partial<Readonly<Record<Modality, number>>> {
  /**
   * Multiplies the weight of a sequence's first half: the caption that is drawn, or the picture that is captioned. At 0 the
   * model learns only to answer, and spends nothing on guessing what it will be asked; it then cannot invent pairs.
   */
  readonly prompt?: number;
}

/** What {@link shiftForTraining} needs to know of ids. */
export interface IdWeights {
  /** Each id's weight as a target, `[vocabularySize]`. */
  readonly ofId: Float32Array;
  /** Multiplies the weight of ids of the modality that a sequence has first. */
  readonly prompt: number;
  /** Stands in place of a prompt that was dropped. */
  readonly nothing: number | undefined;
  modality(id: number): Modality;
}

/** Shifts whole sequences by one into inputs and targets. */
export function shiftForTraining(tokens: TokenBatch, weigh: IdWeights): TrainingBatch {
  const { data, count, length } = tokens;
  const steps = Math.max(0, length - 1);
  const inputs = new Int32Array(count * steps);
  const targets = new Int32Array(count * steps);
  const weights = new Float32Array(count * steps);
  let uniform = true;
  for (let row = 0; row < count; row++) {
    const ids = data.subarray(row * length, (row + 1) * length);
    const asked = promptModality(ids, weigh);
    inputs.set(ids.subarray(0, steps), row * steps);
    targets.set(ids.subarray(1), row * steps);
    for (let at = row * steps; at < (row + 1) * steps; at++) {
      const target = targets[at]!;
      weights[at] = weigh.ofId[target]! * (weigh.modality(target) === asked ? weigh.prompt : 1);
      uniform &&= weights[at] === 1;
    }
  }
  return {
    inputs: { data: inputs, count, length: steps },
    targets: { data: targets, count, length: steps },
    ...(uniform ? {} : { weights }),
  };
}

/** What a sequence begins with, unless that was dropped. */
function promptModality(ids: Int32Array, { modality, nothing }: IdWeights): Modality | undefined {
  const first = ids.find((id) => id === nothing || modality(id) !== "special");
  return first === undefined || first === nothing ? undefined : modality(first);
}

/**
 * The weights of targets: by modality, and 0 for padding and the null token.
 *
 * @param linePadding - The character that fills lines up, in the layout `lines`.
 * @throws a {@link ConfigError} when a weight is not a finite number of at least 0.
 */
export function idWeights(vocabulary: Vocabulary, weights: LossWeights, linePadding?: string): IdWeights {
  for (const [name, weight] of Object.entries(weights)) {
    if (!["special", "text", "image", "prompt"].includes(name) || !(Number.isFinite(weight) && weight >= 0)) {
      throw new ConfigError(
        `weights: expected numbers of at least 0 for special, text, image and prompt, got ${weight} for "${name}".`,
      );
    }
  }
  const ofId = Float32Array.from({ length: vocabulary.size }, (_, id) => weights[vocabulary.modality(id)] ?? 1);
  for (const name of [padToken, nullToken, linePadding]) {
    if (name !== undefined && vocabulary.hasSpecial(name)) {
      ofId[vocabulary.specialId(name)] = 0;
    }
  }
  return {
    ofId,
    prompt: weights.prompt ?? 1,
    nothing: vocabulary.hasSpecial(nullToken) ? vocabulary.specialId(nullToken) : undefined,
    modality: (id) => vocabulary.modality(id),
  };
}
