import type { ExampleSource, LossOptions, LossResult, Random } from "@mmgen/core";
import type { StepPart, TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";

/** Inputs `[count, 3]` and targets `[count]`, flat. */
export interface Points {
  readonly inputs: Float32Array;
  readonly targets: Float32Array;
}

/**
 * The smallest model that uses all of the contract: two layers, noise drawn while training, a running mean of its
 * hidden layer as state, and an offset set from the first batch.
 */
export class TinyRegression implements TensorTrainable<Points, { hidden: tf.Tensor2D }> {
  readonly parameters: Map<string, tf.Variable>;
  readonly buffers: Map<string, tf.Variable>;
  initialized = 0;

  constructor(random: Random) {
    const matrix = (name: string, rows: number, columns: number) =>
      tf.tidy(() => tf.variable(tf.tensor2d(random.fork(name).normals(rows * columns, 0.5), [rows, columns])));
    this.parameters = new Map([
      ["hidden.weight", matrix("hidden", 3, 5)],
      ["output.weight", matrix("output", 5, 1)],
      ["output.bias", tf.tidy(() => tf.variable(tf.zeros([1])))],
    ]);
    this.buffers = new Map([
      ["hidden.mean", tf.tidy(() => tf.variable(tf.zeros([5]), false))],
      ["batches", tf.tidy(() => tf.variable(tf.scalar(0, "int32"), false))],
    ]);
  }

  async initialize(batch: Points, random: Random): Promise<void> {
    this.initialized++;
    const mean = batch.targets.reduce((sum, target) => sum + target, 0) / batch.targets.length;
    tf.tidy(() => this.parameters.get("output.bias")!.assign(tf.tensor1d([mean + 0.01 * random.normal()])));
  }

  loss(batch: Points, { training, random }: LossOptions): LossResult<tf.Scalar, { hidden: tf.Tensor2D }> {
    const inputs = tf.tensor2d(batch.inputs, [batch.targets.length, 3]);
    const weights = this.parameters.get("hidden.weight") as tf.Tensor2D;
    const quiet = tf.relu(tf.matMul(inputs, weights)) as tf.Tensor2D;
    const hidden = training
      ? tf.add<tf.Tensor2D>(quiet, tf.tensor2d(random.normals(quiet.size, 0.1), quiet.shape))
      : quiet;
    const centered = tf.sub<tf.Tensor2D>(hidden, this.buffers.get("hidden.mean")!);
    const output = tf.matMul(centered, this.parameters.get("output.weight") as tf.Tensor2D);
    const error = tf.sub(
      tf.add(tf.squeeze(output, [1]), this.parameters.get("output.bias")!),
      tf.tensor1d(batch.targets),
    );
    return {
      total: tf.mean(tf.square(error)) as tf.Scalar,
      metrics: { absolute: tf.mean(tf.abs(error)) as tf.Scalar },
      aux: { hidden },
    };
  }

  afterStep({ hidden }: { hidden: tf.Tensor2D }, random: Random): void {
    const mean = this.buffers.get("hidden.mean")!;
    const jitter = 1 + 0.01 * random.normal();
    tf.tidy(() => {
      mean.assign(tf.add(tf.mul(mean, 0.9), tf.mul(tf.mean(hidden, 0), 0.1 * jitter)));
      const batches = this.buffers.get("batches")!;
      batches.assign(tf.add(batches, tf.scalar(1, "int32")));
    });
  }

  partSums({ hidden }: { hidden: tf.Tensor2D }, { parts }: StepPart): tf.NamedTensorMap {
    return { mean: tf.div(tf.mean(hidden, 0), parts) };
  }

  afterParts({ mean: ofStep }: tf.NamedTensorMap): void {
    const mean = this.buffers.get("hidden.mean")!;
    mean.assign(tf.add(tf.mul(mean, 0.9), tf.mul(ofStep!, 0.1)));
    const batches = this.buffers.get("batches")!;
    batches.assign(tf.add(batches, tf.scalar(1, "int32")));
  }

  /** Every number the model holds, for comparisons to the bit. */
  numbers(): Record<string, number[]> {
    return Object.fromEntries(
      [...this.parameters, ...this.buffers].map(([name, variable]) => [name, [...variable.dataSync()]]),
    );
  }

  dispose(): void {
    tf.dispose([...this.parameters.values(), ...this.buffers.values()]);
  }
}

/** Noisy values of a fixed function of three numbers. */
export function points(random: Random, count: number): ExampleSource<Points> {
  const inputs = random.normals(count * 3);
  const targets = Float32Array.from({ length: count }, (_, i) => {
    const [a, b, c] = [inputs[3 * i]!, inputs[3 * i + 1]!, inputs[3 * i + 2]!];
    return Math.max(0, a + b) - Math.max(0, c) + 2;
  });
  return {
    count,
    batch: (indices) => ({
      inputs: Float32Array.from(
        { length: indices.length * 3 },
        (_, i) => inputs[indices[Math.floor(i / 3)]! * 3 + (i % 3)]!,
      ),
      targets: Float32Array.from(indices, (index) => targets[index]!),
    }),
  };
}
