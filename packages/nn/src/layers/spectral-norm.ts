import { ConfigError, describeValue, ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { customGradient } from "../transforms/custom-gradient.js";
import { noGrad } from "../transforms/no-grad.js";

/** Options of {@link spectralNorm}. */
export interface SpectralNormOptions {
  /** Steps of the power iteration, a whole number; 1 when absent. 0 leaves `direction` as it is, as outside training. */
  readonly iterations?: number;
}

/** What {@link spectralNorm} gives. */
export interface SpectralNormResult<T extends tf.Tensor> {
  /** Shaped as the weight. */
  readonly weight: T;
  /** The direction to start from the next time, `[outputs]`, of length 1; no gradient flows through it. */
  readonly direction: tf.Tensor1D;
}

/**
 * Divides a weight by its largest singular value, so that a layer with it stretches no difference of its inputs.
 *
 * The weight is the matrix M of its last axis against the others. From the direction u of the step before: v = Mu/‖Mu‖,
 * u = Mᵀv/‖Mᵀv‖, σ = vᵀMu; with v and u held fixed and W = M/σ, ∂M = (∂W − sum(∂W · W) · vuᵀ)/σ.
 *
 * @param weight - `[…, outputs]`, such as a convolution's filter; float32; borrowed.
 * @param direction - u, `[outputs]`, at first any but 0; borrowed. PyTorch's `weight_u` of a convolution.
 * @returns Yours to dispose.
 * @throws a {@link ShapeError} when the shapes do not fit; a {@link ConfigError} when `iterations` is no whole number.
 * @see Miyato et al. 2018, algorithm 1, https://arxiv.org/abs/1802.05957
 */
export function spectralNorm<T extends tf.Tensor>(
  weight: T,
  direction: tf.Tensor1D,
  { iterations = 1 }: SpectralNormOptions = {},
): SpectralNormResult<T> {
  const outputs = weight.shape.at(-1);
  if (outputs === undefined || weight.rank < 2 || weight.size === 0) {
    throw new ShapeError(`spectralNorm: expected a weight of at least two axes, got [${weight.shape.join(", ")}].`);
  }
  expectShape("spectralNorm: direction", direction, [outputs]);
  if (!(Number.isSafeInteger(iterations) && iterations >= 0)) {
    throw new ConfigError(
      `spectralNorm: expected iterations to be a whole number of at least 0, got ${describeValue(iterations)}.`,
    );
  }
  const matrix = (x: tf.Tensor) => tf.reshape<tf.Rank.R2>(x, [weight.size / outputs, outputs]);
  return tf.tidy(() => {
    const [u, v] = noGrad(() => iterate(matrix(weight), tf.reshape(direction, [outputs, 1]), iterations));
    const normalized = customGradient([weight], {
      forward(weight) {
        const sigma = tf.sum(tf.mul(v, tf.matMul(matrix(weight), u)));
        const value = tf.div<T>(weight, sigma);
        return { value, saved: [value, sigma, u, v] };
      },
      gradient: (dy, [value, sigma, u, v]) => [
        tf.tidy(() => {
          const along = tf.mul(tf.sum(tf.mul(dy, value)), tf.matMul(v, u, false, true));
          return tf.div(tf.sub(dy, tf.reshape(along, weight.shape)), sigma);
        }),
      ],
    });
    return { weight: normalized, direction: tf.reshape<tf.Rank.R1>(u, [outputs]) };
  });
}

/** Steps of the power iteration: u and v of length 1, `[outputs, 1]` and `[inputs, 1]`. */
function iterate(matrix: tf.Tensor2D, start: tf.Tensor2D, iterations: number): [tf.Tensor2D, tf.Tensor2D] {
  let u = start;
  let v = ofLengthOne(tf.matMul(matrix, u));
  for (let i = 0; i < iterations; i++) {
    v = i === 0 ? v : ofLengthOne(tf.matMul(matrix, u));
    u = ofLengthOne(tf.matMul(matrix, v, true));
  }
  return [u, v];
}

function ofLengthOne(x: tf.Tensor2D): tf.Tensor2D {
  return tf.div(x, tf.maximum(tf.sqrt(tf.sum(tf.square(x))), 1e-12));
}
