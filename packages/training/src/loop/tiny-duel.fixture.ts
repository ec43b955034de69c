import type { LossOptions, LossResult, Random } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Points } from "./tiny-regression.fixture.js";

/**
 * The smallest pair of networks: a line whose values a second network scores, f(x) = w · x and s(y) = v · y + u. The line
 * minimizes mean (f − y)² − mean s(f), the second network mean s(f) − mean s(y) + mean (v² + u²). Both losses depend on both networks.
 */
export class TinyDuel implements TensorTrainable<Points, { fake: tf.Tensor }> {
  readonly parameters: Map<string, tf.Variable>;
  readonly buffers: Map<string, tf.Variable>;
  readonly adversary: { readonly parameters: Map<string, tf.Variable>; readonly buffers: Map<string, tf.Variable> };
  /** Steps, counted from 1, after which `afterStep` throws. */
  failAfter = Number.POSITIVE_INFINITY;
  #steps = 0;

  constructor(random: Random) {
    const variable = (values: readonly number[] | Float32Array, trainable = true) =>
      tf.tidy(() => tf.variable(tf.tensor1d([...values]), trainable));
    this.parameters = new Map([["weight", variable(random.normals(3))]]);
    this.buffers = new Map([["mean", variable([0], false)]]);
    this.adversary = {
      parameters: new Map([
        ["slope", variable([0.5])],
        ["offset", variable([0.25])],
      ]),
      buffers: new Map([["batches", variable([0], false)]]),
    };
  }

  loss(batch: Points, { training, random }: LossOptions): LossResult<tf.Scalar, { fake: tf.Tensor }> {
    const [weight] = this.parameters.values();
    const [slope, offset] = this.adversary.parameters.values();
    const targets = tf.tensor1d(batch.targets);
    const inputs = tf.tensor2d(batch.inputs, [targets.size, 3]);
    const noise = training ? random.normals(targets.size, 0.1) : new Float32Array(targets.size);
    const fake = tf.add(tf.sum(tf.mul(inputs, weight!), 1), tf.tensor1d(noise));
    const score = (values: tf.Tensor) => tf.mean<tf.Scalar>(tf.add(tf.mul(values, slope!), offset!));
    const [fakeScore, realScore] = [score(fake), score(targets)];
    const penalty = tf.sum<tf.Scalar>(tf.add(tf.square(slope!), tf.square(offset!)));
    return {
      total: tf.sub(tf.mean(tf.squaredDifference(fake, targets)), fakeScore),
      adversaryTotal: tf.add(tf.sub(fakeScore, realScore), penalty) as tf.Scalar,
      metrics: { fakeScore },
      aux: { fake },
    };
  }

  afterStep({ fake }: { fake: tf.Tensor }): void {
    const [mean] = this.buffers.values();
    const [batches] = this.adversary.buffers.values();
    tf.tidy(() => {
      mean!.assign(tf.add(tf.mul(mean!, 0.9), tf.mul(tf.mean(fake), 0.1)));
      batches!.assign(tf.add(batches!, 1));
    });
    if (++this.#steps >= this.failAfter) {
      throw new Error("the step failed");
    }
  }

  /** Every number of both networks, for comparisons to the bit. */
  numbers(): Record<string, number[]> {
    const { parameters, buffers } = this.adversary;
    return Object.fromEntries(
      [...this.parameters, ...this.buffers, ...parameters, ...buffers].map(([name, each]) => [
        name,
        [...each.dataSync()],
      ]),
    );
  }

  dispose(): void {
    for (const part of [this, this.adversary]) {
      tf.dispose([...part.parameters.values(), ...part.buffers.values()]);
    }
  }
}
