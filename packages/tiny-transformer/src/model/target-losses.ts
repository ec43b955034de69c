import { type Random, ShapeError, type TokenBatch } from "@mmgen/core";
import { readFields } from "@mmgen/core/options";
import { softmaxCrossEntropy } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { checkTokens } from "./token-checks.js";
import type { TransformerNetwork } from "./transformer-backbone.js";

/** Batch of one training step: inputs, and the target at each position. */
export interface TransformerBatch {
  readonly inputs: TokenBatch;
  /** Shaped as `inputs`; for a causal model, the inputs shifted by one id. */
  readonly targets: TokenBatch;
  /** Loss weight of each target, shaped as `targets`, at least 0; normalized to sum 1. Absent: all equal. */
  readonly weights?: Float32Array;
}

/**
 * Negative log-likelihood of every target in nats, `[count · length]`; call it inside a tidy.
 *
 * @param random - Random stream of dropout masks; absent: no dropout.
 */
export function targetLosses(
  batch: Pick<TransformerBatch, "inputs" | "targets">,
  { backbone, config, head }: TransformerNetwork,
  random?: Random,
): tf.Tensor1D {
  const { inputs: rows, targets } = readFields("batch", batch, ["inputs", "targets"]);
  const { vocabularySize, contextLength, width } = config;
  checkTokens("inputs", rows, vocabularySize, contextLength);
  checkTokens("targets", targets, vocabularySize, contextLength);
  if (targets.count !== rows.count || targets.length !== rows.length) {
    throw new ShapeError(
      `targets: expected the shape of the inputs, [${rows.count}, ${rows.length}], got [${targets.count}, ${targets.length}].`,
    );
  }
  const hidden = backbone.forward(uploadTokens(rows), { random });
  const logits = head.forward(tf.reshape(hidden, [rows.data.length, width]));
  return softmaxCrossEntropy(logits, tf.tensor1d(targets.data, "int32"));
}

/** Uploads ids as an int32 tensor, `[count, length]`; yours to dispose. */
export function uploadTokens({ data, count, length }: TokenBatch): tf.Tensor2D {
  return tf.tensor2d(data, [count, length], "int32");
}
