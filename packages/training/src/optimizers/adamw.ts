import { CheckpointError, ConfigError, ShapeError, type StoredTensor } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { FlatLayout } from "./flat-layout.js";

/** Options of {@link AdamW}. */
export interface AdamWOptions {
  /** Decay of the gradient's running mean. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the squared gradient's running mean. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
  /** Share of a decayed variable taken away each step, times the learning rate. Default 0.01. */
  readonly weightDecay?: number;
  /** Greatest norm of all gradients together; longer ones are scaled down to it. Absent: no clipping. */
  readonly clipNorm?: number;
  /** Which variables decay. Default: those of two or more dimensions, so neither biases nor norms. */
  readonly decays?: (name: string, variable: tf.Variable) => boolean;
}

/**
 * Adam with decoupled weight decay, over all variables laid end to end in one vector.
 *
 * One vector keeps the number of tensor operations independent of the number of variables, but for one concatenation
 * and one split. Nothing is read back. The figures that change each step are uploaded as scalars, so that a backend
 * which compiles its graphs meets the same graph at every step.
 *
 * @see Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101
 * @see Pascanu et al. 2013 (clipping by global norm), https://arxiv.org/abs/1211.5063
 */
export class AdamW {
  readonly #options: Required<Omit<AdamWOptions, "clipNorm" | "decays">>;
  readonly #clipNorm: number | undefined;
  /** Decayed variables first. */
  readonly #entries: readonly (readonly [name: string, variable: tf.Variable])[];
  readonly #layout: FlatLayout;
  readonly #decayedCount: number;
  readonly #firstMoment: tf.Variable;
  readonly #secondMoment: tf.Variable;
  #steps = 0;

  private constructor(variables: ReadonlyMap<string, tf.Variable>, options: AdamWOptions) {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, clipNorm } = options;
    checkOptions({ beta1, beta2, epsilon, weightDecay }, clipNorm);
    if (variables.size === 0) {
      throw new ConfigError("AdamW: expected at least one variable, got none.");
    }
    this.#options = { beta1, beta2, epsilon, weightDecay };
    this.#clipNorm = clipNorm;
    const decays = options.decays ?? ((_name: string, variable: tf.Variable) => variable.rank >= 2);
    const decayed = [...variables].filter(([name, variable]) => decays(name, variable));
    const others = [...variables].filter(([name, variable]) => !decays(name, variable));
    this.#entries = [...decayed, ...others];
    this.#decayedCount = weightDecay === 0 ? 0 : decayed.length;
    this.#layout = new FlatLayout(this.#entries);
    const zeros = () => tf.tidy(() => tf.variable(tf.zeros([this.#layout.size]), false));
    this.#firstMoment = zeros();
    this.#secondMoment = zeros();
  }

  /**
   * An optimizer of `variables`, which are borrowed and must keep their shapes.
   *
   * @throws a {@link ConfigError} when an option is out of range or there is no variable.
   */
  static create(variables: ReadonlyMap<string, tf.Variable>, options: AdamWOptions = {}): AdamW {
    return new AdamW(variables, options);
  }

  /** Updates taken so far. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Moves every variable one step. A variable without a gradient counts as having a zero one.
   *
   * @param gradients - By the variables' names, each shaped as its variable; borrowed.
   * @param learningRate - Of this step.
   * @returns The norm of all gradients together before clipping, a scalar; yours to dispose.
   * @throws a {@link ShapeError} when a gradient has no variable or another shape.
   */
  update(gradients: Readonly<Record<string, tf.Tensor>>, learningRate: number): tf.Scalar {
    this.#checkGradients(gradients);
    const { beta1, beta2, epsilon } = this.#options;
    this.#steps++;
    // The corrections of both moments' bias, folded into the learning rate and epsilon: exact, and two fewer passes.
    const secondCorrection = Math.sqrt(1 - beta2 ** this.#steps);
    const stepSize = (learningRate * secondCorrection) / (1 - beta1 ** this.#steps);
    return tf.tidy(() => {
      const { gradient, norm } = this.#flatGradient(gradients);
      const first = tf.add(tf.mul(this.#firstMoment, beta1), tf.mul(gradient, 1 - beta1));
      const second = tf.add(tf.mul(this.#secondMoment, beta2), tf.mul(tf.square(gradient), 1 - beta2));
      const direction = tf.div(first, tf.add(tf.sqrt(second), tf.scalar(epsilon * secondCorrection)));
      const moved = tf.sub(this.#flatDecayedVariables(learningRate), tf.mul(direction, tf.scalar(stepSize)));
      this.#firstMoment.assign(first);
      this.#secondMoment.assign(second);
      this.#layout.assign(moved as tf.Tensor1D);
      return norm;
    });
  }

  /** The moments by name (`firstMoment.<variable>`, `secondMoment.<variable>`), each shaped as its variable. Reads. */
  async toArrays(): Promise<Map<string, StoredTensor>> {
    const arrays = new Map<string, StoredTensor>();
    for (const [moment, variable] of this.#moments()) {
      for (const [name, stored] of this.#layout.split(moment, (await variable.data()) as Float32Array)) {
        arrays.set(name, stored);
      }
    }
    return arrays;
  }

  /**
   * Goes on from moments written by {@link AdamW.toArrays} after `steps` updates.
   *
   * @throws a {@link CheckpointError} when a moment is missing or shaped otherwise; nothing is changed then.
   */
  restore(arrays: ReadonlyMap<string, StoredTensor>, steps: number): void {
    if (!Number.isInteger(steps) || steps < 0) {
      throw new CheckpointError(`The optimizer's step count must be a whole number of at least 0, got ${steps}.`);
    }
    const flats = this.#moments().map(([moment]) => this.#layout.join(moment, arrays));
    for (const [i, [, variable]] of this.#moments().entries()) {
      tf.tidy(() => variable.assign(tf.tensor1d(flats[i]!)));
    }
    this.#steps = steps;
  }

  /** Frees the moments; the variables are not the optimizer's. Safe to call twice. */
  dispose(): void {
    this.#firstMoment.dispose();
    this.#secondMoment.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #flatGradient(gradients: Readonly<Record<string, tf.Tensor>>): { gradient: tf.Tensor1D; norm: tf.Scalar } {
    const flat = tf.concat1d(
      this.#entries.map(([name, variable]) => {
        const gradient = gradients[name];
        return gradient === undefined ? tf.zeros<tf.Rank.R1>([variable.size]) : tf.reshape(gradient, [variable.size]);
      }),
    );
    const norm = tf.sqrt(tf.sum(tf.square(flat))) as tf.Scalar;
    if (this.#clipNorm === undefined) {
      return { gradient: flat, norm };
    }
    // 1e-6 as in PyTorch's clip_grad_norm_, against a division by zero.
    const scale = tf.minimum(tf.div(this.#clipNorm, tf.add(norm, 1e-6)), 1);
    return { gradient: tf.mul(flat, scale), norm };
  }

  #flatDecayedVariables(learningRate: number): tf.Tensor1D {
    const flat = this.#entries.map(([, variable]) => tf.reshape(variable, [variable.size]) as tf.Tensor1D);
    if (this.#decayedCount === 0) {
      return tf.concat1d(flat);
    }
    const kept = tf.scalar(1 - learningRate * this.#options.weightDecay);
    const decayed = tf.mul<tf.Tensor1D>(tf.concat1d(flat.slice(0, this.#decayedCount)), kept);
    return tf.concat1d([decayed, ...flat.slice(this.#decayedCount)]);
  }

  #moments(): [string, tf.Variable][] {
    return [
      ["firstMoment", this.#firstMoment],
      ["secondMoment", this.#secondMoment],
    ];
  }

  #checkGradients(gradients: Readonly<Record<string, tf.Tensor>>): void {
    const variables = new Map(this.#entries);
    for (const [name, gradient] of Object.entries(gradients)) {
      const variable = variables.get(name);
      if (variable === undefined) {
        throw new ShapeError(`AdamW: there is a gradient for "${name}", and no variable of that name.`);
      }
      if (!tf.util.arraysEqual(gradient.shape, variable.shape)) {
        throw new ShapeError(
          `AdamW: the gradient of "${name}" must be shaped [${variable.shape.join(", ")}], got [${gradient.shape.join(", ")}].`,
        );
      }
    }
  }
}

function checkOptions(
  options: { beta1: number; beta2: number; epsilon: number; weightDecay: number },
  clipNorm: number | undefined,
): void {
  for (const name of ["beta1", "beta2"] as const) {
    if (!(options[name] >= 0 && options[name] < 1)) {
      throw new ConfigError(`${name}: expected a number in [0, 1), got ${options[name]}.`);
    }
  }
  if (!(options.epsilon > 0 && Number.isFinite(options.epsilon))) {
    throw new ConfigError(`epsilon: expected a number above 0, got ${options.epsilon}.`);
  }
  if (!(options.weightDecay >= 0 && Number.isFinite(options.weightDecay))) {
    throw new ConfigError(`weightDecay: expected a number of at least 0, got ${options.weightDecay}.`);
  }
  if (clipNorm !== undefined && !(clipNorm > 0)) {
    throw new ConfigError(`clipNorm: expected a number above 0, or none for no clipping, got ${clipNorm}.`);
  }
}
