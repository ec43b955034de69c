import { ConfigError } from "@mmgen/core";
import { boolean, fields, optional, resolveOptions, shareBelowOne } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { orthogonalized } from "./orthogonalized.js";
import type { GradientTransform, Update } from "./transform.js";

/** Options of {@link scaleByMuon}. */
export interface MuonMomentumOptions {
  /** Decay of the gradient's running mean. Default 0.95. */
  readonly momentum?: number | undefined;
  /** Moves by the mean as it would be after the same gradient once more. Default true. */
  readonly nesterov?: boolean | undefined;
}

/** Fields of the schema of {@link MuonMomentumOptions}. */
export const momentumFields = {
  momentum: optional(shareBelowOne(), 0.95),
  nesterov: optional(boolean(), true),
};
const momentumSchema = fields(momentumFields);

/** Root mean square of a direction's elements: about that of Adam's, so that one learning rate fits both. */
const rootMeanSquare = 0.2;

/**
 * Muon: replaces the running mean of each gradient by the orthogonal matrix nearest to it, so that a step moves all
 * directions of a matrix alike, those in which gradients are small too. For the weights of hidden layers; {@link muon}
 * leaves other variables to Adam.
 *
 * A variable counts as a matrix with a column for each element of its last dimension, as convolutions' filters
 * `[height, width, inputs, outputs]` do. Keeps one moment a variable, `momentum.<variable>`, of its shape.
 *
 * @throws a `ConfigError` when an option is unknown or out of range, and from `init` for a variable of fewer than two
 *   dimensions.
 * @see Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the step's size is that of Liu et al. 2025,
 *   https://arxiv.org/abs/2502.16982
 */
export function scaleByMuon(options: MuonMomentumOptions = {}): GradientTransform {
  const { momentum, nesterov } = resolveOptions(momentumSchema, options);
  return {
    configuration: { muon: { momentum, nesterov } },
    init: (variables) =>
      new Map(
        [...variables].map(([name, { rank, shape }]) => {
          if (rank < 2) {
            throw new ConfigError(
              `scaleByMuon: "${name}" is shaped [${shape.join(", ")}]; expected two dimensions or more. Take muon, which ` +
                "leaves such variables to Adam.",
            );
          }
          return [`momentum.${name}`, tf.zeros(shape)] as const;
        }),
      ),
    update: (updates, { scalar, state }) => {
      const adapted = new Map<string, Update>();
      const means = new Map<string, tf.Tensor>();
      for (const [name, { direction: gradient, stepSize, decay }] of updates) {
        const after = (mean: tf.Tensor) =>
          tf.add(tf.mul(mean, scalar(momentum)), tf.mul(gradient, scalar(1 - momentum)));
        const mean = after(state.get(`momentum.${name}`)!);
        const ahead = nesterov ? after(mean) : mean;
        const matrix: tf.Tensor2D = tf.reshape(ahead, [-1, gradient.shape.at(-1)!]);
        const direction = tf.reshape(orthogonalized(matrix, scalar), gradient.shape);
        // The elements of an orthogonal matrix have a root mean square of one by the root of its longer side.
        const size = rootMeanSquare * Math.sqrt(Math.max(...matrix.shape));
        adapted.set(name, { direction, stepSize: stepSize * size, decay });
        means.set(`momentum.${name}`, mean);
      }
      return { updates: adapted, state: means };
    },
  };
}
