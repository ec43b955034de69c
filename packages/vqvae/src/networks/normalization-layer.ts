import { batchNorm, batchNormInference } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type Layer, type Parameter, weight } from "./layers.js";

/** Share of the newest batch in the running statistics; PyTorch's default. */
const momentum = 0.1;

/** Batch normalization with running statistics, or nothing. */
export function normalization(name: string, channels: number, kind: "batch" | "none"): Layer {
  if (kind === "none") {
    return { parameters: [], forward: (x) => x };
  }
  const parameter = (part: string, learned: Parameter["learned"], value: number): Parameter => ({
    name: `${name}.${part}`,
    learned,
    initial: () => tf.fill([channels], value),
  });
  return {
    parameters: [
      parameter("weight", "by gradient", 1),
      parameter("bias", "by gradient", 0),
      parameter("running_mean", "after step", 0),
      parameter("running_var", "after step", 1),
    ],
    forward(x, { weights, training, statistics }) {
      const [scale, offset, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((part) =>
        weight<tf.Tensor1D>(weights, `${name}.${part}`),
      ) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
      if (!training) {
        return batchNormInference(x, scale, offset, mean, variance);
      }
      const result = batchNorm(x, scale, offset);
      const count = x.size / channels;
      statistics.set(`${name}.running_mean`, result.mean);
      // PyTorch normalizes by the biased variance and keeps the unbiased one.
      statistics.set(`${name}.running_var`, tf.mul(result.variance, count / Math.max(1, count - 1)));
      return result.output;
    },
  };
}

/** Moves the running statistics toward those of a batch, `statistics` of its {@link ForwardPass}. */
export function updateRunningStatistics(
  state: ReadonlyMap<string, tf.Variable>,
  statistics: Iterable<readonly [name: string, ofBatch: tf.Tensor]>,
): void {
  tf.tidy(() => {
    for (const [name, ofBatch] of statistics) {
      const running = state.get(name);
      running?.assign(tf.add(tf.mul(running, 1 - momentum), tf.mul(ofBatch, momentum)));
    }
  });
}
