import { checkNumber, type PosteriorTargets, ShapeError, type TokenBatch, transitionColumns } from "@mmgen/core";
import { readFields } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";

/** What batches of diffusion models have beside inputs, targets and weights. */
export interface DiffusionTargets {
  /** What the weighted sum of the losses is divided by, at least 0. Absent: the sum of the weights. */
  readonly weightSum?: number;
  /** For diffusion in small steps: the loss is then the divergence of posteriors. Absent: cross-entropy. */
  readonly posterior?: PosteriorTargets;
}

/** {@link DiffusionTargets} as tensors. */
export interface DiffusionTensors {
  readonly weightSum?: tf.Scalar;
  /** `[count, transitionColumns]`; with `legal` and `crossEntropyWeight`, or without all three. */
  readonly transitions?: tf.Tensor2D;
  /** First legal id of each position, and the id after the last, `[2, length]`, int32. */
  readonly legal?: tf.Tensor2D;
  readonly crossEntropyWeight?: tf.Scalar;
}

/** Uploads what a diffusion batch has beside the others, checked; yours to dispose. */
export function uploadDiffusion(
  { weightSum, posterior }: DiffusionTargets,
  { count, length }: TokenBatch,
): DiffusionTensors {
  if (weightSum !== undefined) {
    checkNumber("weightSum", weightSum, { min: 0 });
  }
  const sum = () => (weightSum === undefined ? {} : { weightSum: tf.scalar(weightSum) });
  if (posterior === undefined) {
    return sum();
  }
  const fields = ["transitions", "legal", "crossEntropyWeight"] as const;
  const { transitions, legal, crossEntropyWeight } = readFields("posterior", posterior, fields);
  const { from, to } = readFields("posterior.legal", legal, ["from", "to"]);
  checkNumber("posterior.crossEntropyWeight", crossEntropyWeight, { min: 0 });
  expectLength("posterior.transitions", transitions, count * transitionColumns);
  expectLength("posterior.legal.from", from, length);
  expectLength("posterior.legal.to", to, length);
  const ranges = new Int32Array(2 * length);
  ranges.set(from);
  ranges.set(to, length);
  return {
    ...sum(),
    transitions: tf.tensor2d(transitions, [count, transitionColumns]),
    legal: tf.tensor2d(ranges, [2, length], "int32"),
    crossEntropyWeight: tf.scalar(crossEntropyWeight),
  };
}

function expectLength(name: string, array: ArrayLike<number>, length: number): void {
  if (!ArrayBuffer.isView(array) || array.length !== length) {
    throw new ShapeError(`${name}: expected a typed array of ${length} numbers, got ${array?.length ?? "none"}.`);
  }
}
