import { type LossOptions, type LossResult, type Random, ShapeError, type TokenBatch } from "@mmgen/core";
import { readFields } from "@mmgen/core/options";
import { softmaxCrossEntropy, type UploadedBatch } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type DiffusionTargets, type DiffusionTensors, uploadDiffusion } from "../diffusion/diffusion-tensors.js";
import { posteriorLoss } from "../diffusion/posterior-loss.js";
import { checkIdTensor, checkTokens, normalizeWeights } from "./token-checks.js";
import type { TransformerNetwork } from "./transformer-backbone.js";
import type { TransformerConfig } from "./transformer-config.js";

/** Batch of one training step: inputs, and the target at each position. */
export interface TransformerBatch extends DiffusionTargets {
  readonly inputs: TokenBatch;
  /** Shaped as `inputs`; for a causal model, the inputs shifted by one id. */
  readonly targets: TokenBatch;
  /** Loss weight of each target, shaped as `targets`, at least 0; normalized to sum 1 unless there is `weightSum`. Absent: all equal. */
  readonly weights?: Float32Array;
}

/** A {@link TransformerBatch} as tensors; ids are not checked. */
export interface TransformerTensors extends DiffusionTensors {
  /** `[count, length]`, int32. */
  readonly inputs: tf.Tensor2D;
  /** Shaped as `inputs`, int32. */
  readonly targets: tf.Tensor2D;
  /** Loss weight of each target, shaped as `targets`, float32, at least 0. Absent: all equal. */
  readonly weights?: tf.Tensor2D;
}

/** Auxiliary data from `loss` to `afterStep`: none. */
export type TransformerAux = Readonly<Record<string, never>>;

/** A batch as tensors, checked; see `TinyTransformer.uploadBatch`. */
export function uploadBatch(
  { config: { contextLength, vocabularySize } }: TransformerNetwork,
  batch: TransformerBatch,
): UploadedBatch {
  const fields = ["inputs", "targets", "weights", "weightSum", "posterior"] as const;
  const { inputs, targets, weights, ...diffusion } = readFields("batch", batch, fields);
  checkTokens("inputs", inputs, vocabularySize, contextLength);
  checkTargets(targets, inputs, { contextLength, vocabularySize });
  const sum = weights === undefined ? undefined : normalizeWeights(weights, targets).sum;
  // First, as it checks, too.
  const more = uploadDiffusion(diffusion, inputs);
  const tensors = { inputs: uploadTokens(inputs), targets: uploadTokens(targets) };
  return {
    tensors: {
      ...tensors,
      ...(weights && { weights: tf.tensor2d(weights, [targets.count, targets.length]) }),
      ...more,
    },
    targetWeight: diffusion.weightSum ?? sum ?? targets.data.length,
  };
}

/** The loss of a batch; see `TinyTransformer.loss`. */
export function batchLoss(
  network: TransformerNetwork,
  batch: TransformerBatch,
  options: LossOptions,
): LossResult<tf.Scalar, TransformerAux> {
  const { targets, weights, weightSum, posterior } = readFields("batch", batch, [
    "targets",
    "weights",
    "weightSum",
    "posterior",
  ]);
  if (weightSum !== undefined || posterior !== undefined) {
    return uploadedLoss(network, batch, options);
  }
  checkTokens("targets", targets, network.config.vocabularySize, network.config.contextLength);
  const { shares, sum } = weights === undefined ? {} : normalizeWeights(weights, targets);
  const total = tf.tidy(() => {
    const losses = targetLosses(batch, network, drawsOf(network, options)); // [count · length]
    return shares ? tf.sum(tf.mul(losses, tf.tensor1d(shares))) : tf.mean(losses);
  }) as tf.Scalar;
  return { total, metrics: { natsPerId: tf.clone(total) }, aux: {}, targetWeight: sum ?? targets.data.length };
}

function uploadedLoss(network: TransformerNetwork, batch: TransformerBatch, options: LossOptions) {
  const { tensors, targetWeight = 0 } = uploadBatch(network, batch);
  try {
    return { ...tensorLoss(network, tensors as unknown as TransformerTensors, options), targetWeight };
  } finally {
    tf.dispose(tensors);
  }
}

/** The loss of a batch of tensors; see `TinyTransformer.lossTensor`. */
export function tensorLoss(
  network: TransformerNetwork,
  batch: TransformerTensors,
  options: LossOptions,
): LossResult<tf.Scalar, TransformerAux> {
  const { inputs, targets, weights, weightSum } = readFields("batch", batch, [
    "inputs",
    "targets",
    "weights",
    "weightSum",
  ]);
  checkIdTensor(inputs, network.config.contextLength);
  for (const [name, tensor] of Object.entries({ targets, ...(weights && { weights }) })) {
    if (!tf.util.arraysEqual(tensor.shape, inputs.shape)) {
      throw new ShapeError(`${name}: expected the shape of the inputs, [${inputs.shape}], got [${tensor.shape}].`);
    }
  }
  const total = tf.tidy(() => {
    const losses = tensorLosses(network, batch, drawsOf(network, options));
    if (weights === undefined) {
      return tf.mean(losses);
    }
    return tf.divNoNan(tf.sum(tf.mul(losses, tf.reshape(weights, [-1]))), weightSum ?? tf.sum(weights));
  }) as tf.Scalar;
  return { total, metrics: { natsPerId: tf.clone(total) }, aux: {} };
}

function tensorLosses(network: TransformerNetwork, batch: TransformerTensors, random: Random | undefined) {
  const { inputs, targets, transitions, legal, crossEntropyWeight } = batch;
  return transitions && legal && crossEntropyWeight
    ? posteriorLoss(idLogits(network, inputs, random), { inputs, targets, transitions, legal, crossEntropyWeight })
    : idLosses(network, inputs, tf.reshape(targets, [-1]), random);
}

function drawsOf({ config }: TransformerNetwork, { training, random }: LossOptions): Random | undefined {
  return training && config.dropout > 0 ? random : undefined;
}

/**
 * Negative log-likelihood of every target in nats, `[count · length]`; call it inside a tidy.
 *
 * @param random - Random stream of dropout masks; absent: no dropout.
 */
export function targetLosses(
  batch: Pick<TransformerBatch, "inputs" | "targets">,
  network: TransformerNetwork,
  random?: Random,
): tf.Tensor1D {
  const { inputs: rows, targets } = readFields("batch", batch, ["inputs", "targets"]);
  const { vocabularySize, contextLength } = network.config;
  checkTokens("inputs", rows, vocabularySize, contextLength);
  checkTargets(targets, rows, { contextLength, vocabularySize });
  return idLosses(network, uploadTokens(rows), tf.tensor1d(targets.data, "int32"), random);
}

function checkTargets(
  targets: TokenBatch,
  { count, length }: TokenBatch,
  { contextLength, vocabularySize }: Pick<TransformerConfig, "contextLength" | "vocabularySize">,
): void {
  checkTokens("targets", targets, vocabularySize, contextLength);
  if (targets.count !== count || targets.length !== length) {
    throw new ShapeError(
      `targets: expected the shape of the inputs, [${count}, ${length}], got [${targets.count}, ${targets.length}].`,
    );
  }
}

/** @param targets - `[count · length]`, int32. */
function idLosses(
  network: TransformerNetwork,
  ids: tf.Tensor2D,
  targets: tf.Tensor1D,
  random: Random | undefined,
): tf.Tensor1D {
  return softmaxCrossEntropy(idLogits(network, ids, random), targets);
}

/** `[count · length, vocabularySize]`. */
function idLogits({ backbone, config, head }: TransformerNetwork, ids: tf.Tensor2D, random: Random | undefined) {
  const hidden = backbone.forward(ids, { random });
  return head.forward(tf.reshape(hidden, [ids.size, config.width])) as tf.Tensor2D;
}

/** Uploads ids as an int32 tensor, `[count, length]`; yours to dispose. */
export function uploadTokens({ data, count, length }: TokenBatch): tf.Tensor2D {
  return tf.tensor2d(data, [count, length], "int32");
}

/** The elements of a float32 tensor, which is disposed. */
export async function readFloats(tensor: tf.Tensor): Promise<Float32Array> {
  try {
    return (await tensor.data()) as Float32Array;
  } finally {
    tensor.dispose();
  }
}
