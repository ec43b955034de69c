import { customGradient, relu } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Scores that a discriminator gave, of any shape; borrowed. */
export interface Scores {
  readonly real: tf.Tensor;
  readonly fake: tf.Tensor;
}

/**
 * A discriminator's hinge loss, ½ · mean(relu(1 − D(x)) + relu(1 + D(x̂))): nothing is to be gained beyond −1 and 1.
 *
 * @returns A scalar, yours to dispose; 1 where all scores are 0.
 * @see Lim and Ye 2017, https://arxiv.org/abs/1705.02894
 */
export function hingeLoss({ real, fake }: Scores): tf.Scalar {
  return tf.tidy(() => {
    const [ofReal, ofFake] = [tf.mean(relu(tf.sub(1, real))), tf.mean(relu(tf.add(fake, 1)))];
    return tf.mul(tf.add(ofReal, ofFake), 0.5) as tf.Scalar;
  });
}

/**
 * The LeCAM regularization of a discriminator, mean relu(D(x) − α_F)² + mean relu(α_R − D(x̂))²: scores of real images are
 * held near what made ones used to get, and the other way round, so that a small data set is not learned by heart.
 *
 * @param anchors - α_R and α_F, running means of the scores of real and of made images, without gradient; borrowed.
 * @returns A scalar, yours to dispose.
 * @see Tseng et al. 2021, https://arxiv.org/abs/2104.03310; with relu, as their program has it
 */
export function lecamLoss({ real, fake }: Scores, anchors: Scores): tf.Scalar {
  return tf.tidy(() => {
    const beyond = (above: tf.Tensor, below: tf.Tensor) => tf.mean(tf.square(relu(tf.sub(above, below))));
    return tf.add(beyond(real, anchors.fake), beyond(anchors.real, fake)) as tf.Scalar;
  });
}

/**
 * The mean absolute difference of features, mean over the layers: a perceptual loss that needs no other network where the
 * features are a discriminator's.
 *
 * @param made - Features of reconstructions, one tensor a layer; borrowed.
 * @param real - Of the originals, each shaped as that of `made`; no gradient flows to them. Borrowed.
 * @returns A scalar, yours to dispose.
 * @see Larsen et al. 2016, https://arxiv.org/abs/1512.09300; Wang et al. 2018, https://arxiv.org/abs/1711.11585
 */
export function featureMatchingLoss(made: readonly tf.Tensor[], real: readonly tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => {
    const distances = made.map((layer, i) => absoluteDifference(layer, real[i]!));
    return tf.div(tf.addN(distances), distances.length) as tf.Scalar;
  });
}

/** Added to the sum of squares of a place's features. */
const squaresEpsilon = 1e-8;

/**
 * Features whose vector at each place has length 1, so that no layer outweighs another: f/√(Σf² + ε).
 *
 * @param features - `[…, channels]`; borrowed.
 * @returns Shaped as `features`; yours to dispose. The gradient is finite where all are 0.
 * @see Zhang et al. 2018, https://arxiv.org/abs/1801.03924
 */
export function unitFeatures(features: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(features, tf.rsqrt(tf.add(tf.sum(tf.square(features), -1, true), squaresEpsilon))));
}

/** mean |x − y|, whose gradient is sign(x − y) over the count. */
function absoluteDifference(x: tf.Tensor, y: tf.Tensor): tf.Scalar {
  return customGradient([x], {
    forward(x) {
      const difference = tf.sub(x, y);
      return { value: tf.mean<tf.Scalar>(tf.abs(difference)), saved: [difference] };
    },
    gradient: (dy, [difference]) => [tf.mul(tf.sign(difference), tf.div(dy, difference.size))],
  });
}
