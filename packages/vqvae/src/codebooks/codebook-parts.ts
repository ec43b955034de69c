import { ConfigError } from "@mmgen/core";
import type { StepPart } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import {
  type CodebookUpdate,
  type CodebookVariables,
  drawAny,
  moveEmaCodebook,
  moveGradientCodebook,
} from "./codebook-update.js";
import { codeSums } from "./nearest-codes.js";

/** What the latents of one part of a step say of a codebook; a sum over the parts says it of them all. */
export interface PartSums {
  /** `[codebookSize]`. */
  readonly counts: tf.Tensor;
  /** `[codebookSize, codeDimension]`; of an EMA codebook alone. */
  readonly sums?: tf.Tensor;
  /** The latents that dead codes move to, `[codebookSize, codeDimension]`: 0 for those that lie in another part. */
  readonly revivals?: tf.Tensor;
}

/**
 * The sums of one of the equal parts of a step, within a `tf.tidy`. Every part draws the same latents for dead codes, among
 * those of all parts, and gives those that are its own.
 *
 * @throws a {@link ConfigError} for latents under a mask where dead codes are moved: how many count is known part by part alone.
 */
export function codebookPartSums(
  { latents, codes, mask, config }: Pick<CodebookUpdate, "latents" | "codes" | "mask" | "config">,
  isEma: boolean,
  { part, parts, random }: Pick<StepPart, "part" | "parts" | "random">,
): PartSums {
  const { codebookSize, deadCodeThreshold } = config;
  const { counts, sums } = codeSums(latents, codes, { codebookSize, mask });
  const ofPart = { counts, ...(isEma && { sums }) };
  if (deadCodeThreshold === 0) {
    return ofPart;
  }
  if (mask !== undefined) {
    throw new ConfigError(
      `deadCodeThreshold: latents under a mask have to be together for it, and this step's are in ${parts} parts. Take 0.`,
    );
  }
  const [vectors] = latents.shape;
  const places = tf.sub(drawAny(vectors * parts, codebookSize, random), tf.scalar(part * vectors, "int32"));
  const last = tf.scalar(vectors - 1, "int32");
  const own = tf.minimum(tf.maximum(places, tf.scalar(0, "int32")), last) as tf.Tensor1D;
  const isOwn = tf.reshape(tf.cast(tf.equal(own, places), "float32"), [-1, 1]);
  return { ...ofPart, revivals: tf.mul(tf.gather(latents, own), isOwn) };
}

/** Updates a codebook from the sums over all parts, within a `tf.tidy`. */
export function updateFromParts(variables: CodebookVariables, { counts, revivals, sums }: PartSums): void {
  const { codebookSize, deadCodeThreshold } = variables.config;
  const threshold = () => tf.mul(tf.sum(counts), deadCodeThreshold / codebookSize);
  const batch = {
    counts: counts as tf.Tensor1D,
    revival: revivals && { rows: revivals as tf.Tensor2D, threshold: threshold() },
  };
  if (sums === undefined) {
    moveGradientCodebook(variables, batch);
  } else {
    moveEmaCodebook(variables, { ...batch, sums: sums as tf.Tensor2D });
  }
}
