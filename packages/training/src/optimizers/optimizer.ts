import { CheckpointError, ConfigError, ShapeError, type StoredTensor } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { type Held, HeldValues } from "../checkpoints/held-values.js";
import { assignStored, storeVariables } from "../checkpoints/stored-variables.js";
import { globalNorm } from "./clip-by-global-norm.js";
import { applyElementwise } from "./elementwise.js";
import { checkProportional, type MakeScalar, recordedNumbers, type StepForm, withNumbers } from "./step-form.js";
import type { GradientTransform, Update, Updates, Variables } from "./transform.js";

/**
 * Moves variables against their gradients as a {@link GradientTransform} says, and holds its state.
 *
 * It knows neither model nor loop: a program may hold several, each of its own variables.
 *
 * @example
 * ```ts
 * import { adamW, Optimizer } from "@mmgen/training";
 *
 * const optimizer = Optimizer.create(model.parameters, adamW({ clipNorm: 1 }));
 * const norm = optimizer.update(gradients, 1e-3);
 * ```
 */
export class Optimizer {
  readonly #variables: Variables;
  readonly #transform: GradientTransform;
  readonly #state = new Map<string, tf.Variable>();
  #steps = 0;

  private constructor(variables: Variables, transform: GradientTransform) {
    this.#variables = variables;
    this.#transform = transform;
    tf.tidy(() => {
      for (const [name, value] of transform.init?.(variables) ?? []) {
        this.#state.set(name, tf.variable(value, false));
      }
    });
  }

  /**
   * An optimizer of `variables`, which are borrowed and must keep their shapes.
   *
   * @throws a {@link ConfigError} when there is no variable, or two parts of the transform keep the same state.
   */
  static create(variables: Variables, transform: GradientTransform): Optimizer {
    if (variables.size === 0) {
      throw new ConfigError("Optimizer: expected at least one variable, got none.");
    }
    // Matrices first: the order of the norm's summands and of the tensors in a checkpoint.
    const matricesFirst = [...variables].sort(([, a], [, b]) => Number(b.rank >= 2) - Number(a.rank >= 2));
    return new Optimizer(new Map(matricesFirst), transform);
  }

  /** Updates taken so far. */
  get steps(): number {
    return this.#steps;
  }

  /** The transform's state, by name (`firstMoment.<variable>`); the optimizer's. */
  get state(): ReadonlyMap<string, tf.Variable> {
    return this.#state;
  }

  /** Keeps state and count as they are now, to go back to after an update that failed; the variables are not included. */
  hold(): Held {
    const steps = this.#steps;
    const held = new HeldValues([...this.#state.values()]);
    return {
      restore: () => {
        held.restore();
        this.#steps = steps;
      },
      dispose: () => held.dispose(),
    };
  }

  /**
   * Moves every variable one step. A variable without a gradient counts as having a zero one. Reads nothing back.
   *
   * @param gradients - By the variables' names, each shaped as its variable; borrowed.
   * @param learningRate - Of this step.
   * @returns The norm of all gradients together before clipping, a scalar; yours to dispose.
   * @throws a {@link ShapeError} when a gradient has no variable or another shape.
   */
  update(gradients: Readonly<Record<string, tf.Tensor>>, learningRate: number): tf.Scalar {
    this.#checkGradients(gradients);
    this.#steps++;
    const step = this.#steps;
    return tf.tidy(() =>
      this.#apply(gradients, {
        numbers: { step, learningRate },
        stepSize: (value, scalar) => scalar(value),
        kept: (decay, scalar) => scalar(1 - decay),
      }),
    );
  }

  /**
   * {@link Optimizer.update} for a step that is recorded to run elsewhere, such as in a file: the numbers that change from
   * step to step are tensors. Assigns variables and state, and does not count the step.
   *
   * @param numbers - `learningRate` and `step`, counted from 1, both float32 scalars; borrowed.
   * @returns As {@link Optimizer.update}.
   * @throws a {@link ShapeError} when a gradient has no variable or another shape; a {@link ConfigError} when the transform
   *   computes with the step's number, or not in proportion to the learning rate.
   */
  record(
    gradients: Readonly<Record<string, tf.Tensor>>,
    { learningRate, step }: { readonly learningRate: tf.Scalar; readonly step: tf.Scalar },
  ): tf.Scalar {
    this.#checkGradients(gradients);
    return tf.tidy(() =>
      this.#apply(gradients, {
        numbers: recordedNumbers(step),
        stepSize: (value, scalar) => tf.mul(learningRate, scalar(value)),
        kept: (decay, scalar) => tf.sub(1, tf.mul(learningRate, scalar(decay))),
      }),
    );
  }

  /** Counts an update that was recorded with {@link Optimizer.record} and has run. */
  count(): void {
    this.#steps++;
  }

  /** The transform's state by name (`firstMoment.<variable>`), each tensor shaped as its variable. Reads. */
  toArrays(): Promise<Map<string, StoredTensor>> {
    return storeVariables(this.#state);
  }

  /**
   * Goes on from a state written by {@link Optimizer.toArrays} after `steps` updates.
   *
   * @throws a {@link CheckpointError} when a tensor is missing or of another shape; nothing is changed then.
   */
  restore(arrays: ReadonlyMap<string, StoredTensor>, steps: number): void {
    if (!Number.isInteger(steps) || steps < 0) {
      throw new CheckpointError(`The optimizer's step count must be a whole number of at least 0, got ${steps}.`);
    }
    assignStored(this.#state, arrays);
    this.#steps = steps;
  }

  /** Frees the state; the variables are not the optimizer's. Safe to call twice. */
  dispose(): void {
    tf.dispose([...this.#state.values()]);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #apply(gradients: Readonly<Record<string, tf.Tensor>>, form: StepForm): tf.Scalar {
    const scalars = new Map<number, tf.Scalar>();
    const scalar = (value: number) => {
      const made = scalars.get(value) ?? tf.scalar(value);
      scalars.set(value, made);
      return made;
    };
    const updatesAt = (stepSize: number): Updates =>
      new Map(
        [...this.#variables].map(([name, { shape }]) => [
          name,
          {
            direction: Object.hasOwn(gradients, name) ? gradients[name]! : tf.zeros(shape),
            stepSize,
            decay: undefined,
          },
        ]),
      );
    const updates = updatesAt(form.numbers.learningRate);
    const norm = globalNorm(updates);
    const context = { variables: this.#variables, state: this.#state, gradients: { updates, norm }, scalar };
    const result = this.#transform.update(updates, withNumbers(context, form.numbers));
    if (form.numbers.recordedStep) {
      const twice = updatesAt(2);
      const doubled = withNumbers({ ...context, gradients: { updates: twice, norm } }, form.numbers, 2);
      checkProportional(result.updates, this.#transform.update(twice, doubled).updates);
    }
    for (const [name, value] of result.state ?? []) {
      this.#state.get(name)!.assign(value);
    }
    this.#move(result.updates, form, scalar);
    return norm;
  }

  /** Variables that take the same step with the same decay move together. */
  #move(updates: Updates, { stepSize: sizeOf, kept }: StepForm, scalar: MakeScalar): void {
    const groups = new Map<string, [string, Update][]>();
    for (const entry of updates) {
      const key = `${entry[1].stepSize} ${entry[1].decay}`;
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push(entry);
    }
    for (const group of groups.values()) {
      const { stepSize, decay } = group[0]![1];
      const moved = applyElementwise(
        group.map(([name, { direction }]) => [this.#variables.get(name)!, direction]),
        ([variable, direction]) => {
          const remaining = decay === undefined ? variable! : tf.mul(variable!, kept(decay, scalar));
          return [tf.sub(remaining, tf.mul(direction!, sizeOf(stepSize, scalar)))];
        },
      );
      for (const [i, [name]] of group.entries()) {
        this.#variables.get(name)!.assign(moved[i]![0]!);
      }
    }
  }

  #checkGradients(gradients: Readonly<Record<string, tf.Tensor>>): void {
    for (const [name, { shape }] of Object.entries(gradients)) {
      const variable = this.#variables.get(name);
      if (variable === undefined) {
        throw new ShapeError(`Optimizer: there is a gradient for "${name}", and no variable of that name.`);
      }
      if (!tf.util.arraysEqual(shape, variable.shape)) {
        throw new ShapeError(
          `Optimizer: the gradient of "${name}" must be shaped [${variable.shape.join(", ")}], got [${shape.join(", ")}].`,
        );
      }
    }
  }
}
