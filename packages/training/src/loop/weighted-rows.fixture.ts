import type { ExampleSource, LossResult } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";

const length = 8;

/** Rows of eight inputs, and the weights of their targets. */
interface Rows {
  readonly inputs: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

/** A model that counts its targets: each is 1, predicted as x · `factor`, by a weight of its own. */
export class WeightedRows implements TensorTrainable<Rows> {
  readonly buffers = new Map<string, tf.Variable>();
  readonly parameters: Map<string, tf.Variable>;

  /** @param names - Of the parameters; the prediction has the product of all of them, 0.5 each. */
  constructor(names: readonly string[] = ["factor"]) {
    this.parameters = new Map(names.map((name) => [name, tf.tidy(() => tf.variable(tf.scalar(0.5)))]));
  }

  loss({ inputs, weights }: Rows): LossResult<tf.Scalar, undefined> {
    const sum = weights.flat().reduce((total, weight) => total + weight, 0);
    let predicted: tf.Tensor = tf.tensor2d(inputs as number[][], [inputs.length, length]);
    for (const parameter of this.parameters.values()) {
      predicted = tf.mul(predicted, parameter);
    }
    const weighted = tf.mul(
      tf.squaredDifference(predicted, 1),
      tf.tensor2d(weights as number[][], predicted.shape as [number, number]),
    );
    const total = tf.div(tf.sum(weighted), Math.max(sum, 1e-30)) as tf.Scalar;
    return {
      total,
      metrics: { constructor: tf.clone(total), ["__proto__"]: tf.clone(total) } as never,
      aux: undefined,
      targetWeight: sum,
    };
  }

  dispose(): void {
    tf.dispose([...this.parameters.values()]);
  }
}

/** Rows of as many targets of weight 1 as `counts` says, and zeros after them. */
export function weightedRows(counts: readonly number[]): ExampleSource<Rows> {
  const columns = Array.from({ length }, (_, column) => column);
  return {
    count: counts.length,
    batch: (indices) => ({
      inputs: Array.from(indices, (row) => columns.map((column) => 1 + row + Math.sin(row * length + column))),
      weights: Array.from(indices, (row) => columns.map((column) => (column < counts[row]! ? 1 : 0))),
    }),
  };
}
