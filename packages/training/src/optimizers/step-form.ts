import { ConfigError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { TransformContext, Updates } from "./transform.js";

/** Makes a scalar tensor of a number, the same one for equal numbers. */
export type MakeScalar = TransformContext["scalar"];

/** The numbers of a step: of an ordinary one as numbers, of one that is recorded as tensors. */
export interface StepForm {
  readonly numbers: StepNumbers;
  /** What an update's step size is multiplied with. */
  stepSize(value: number, scalar: MakeScalar): tf.Tensor;
  /** The share of a variable that its decay leaves. */
  kept(decay: number, scalar: MakeScalar): tf.Tensor;
}

/** What a transform is told of a step. */
export interface StepNumbers {
  readonly step: number | undefined;
  readonly learningRate: number;
  readonly recordedStep?: tf.Scalar;
}

/** The numbers of a recorded step: its updates are those at a learning rate of 1. */
export function recordedNumbers(step: tf.Scalar): StepNumbers {
  return { step: undefined, learningRate: 1, recordedStep: step };
}

/** The context of a transform; reading the number of a recorded step throws a {@link ConfigError}. */
export function withNumbers(
  context: Omit<TransformContext, "step" | "learningRate" | "recordedStep">,
  { step, learningRate, recordedStep }: StepNumbers,
  factor = 1,
): TransformContext {
  return {
    ...context,
    learningRate: learningRate * factor,
    ...(recordedStep && { recordedStep }),
    get step(): number {
      if (step === undefined) {
        throw new ConfigError(
          "A transform of this optimizer computes with the number of the step, which differs from step to step of a file. " +
            "Compute with the tensor recordedStep of the transform's context.",
        );
      }
      return step;
    },
  };
}

/** @throws a {@link ConfigError} unless updates at twice the learning rate have twice the step sizes and decays. */
export function checkProportional(once: Updates, twice: Updates): void {
  const isClose = (a = 0, b = 0) => Math.abs(2 * a - b) <= 1e-9 * Math.abs(b);
  for (const [name, { stepSize, decay }] of once) {
    const other = twice.get(name);
    if (!isClose(stepSize, other?.stepSize) || !isClose(decay, other?.decay)) {
      throw new ConfigError(
        `A transform of this optimizer gives "${name}" a step that is not in proportion to the learning rate, which a file ` +
          "takes as an input. Leave the transform out.",
      );
    }
  }
}
