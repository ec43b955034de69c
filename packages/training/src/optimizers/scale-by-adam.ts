import { fields, optional, positiveNumber, resolveOptions, shareBelowOne } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { applyElementwise } from "./elementwise.js";
import type { GradientTransform, TransformContext, Update } from "./transform.js";

/** Options of {@link scaleByAdam}. */
export interface AdamOptions {
  /** Decay of the gradient's running mean. Default 0.9. */
  readonly beta1?: number | undefined;
  /** Decay of the squared gradient's running mean. Default 0.999. */
  readonly beta2?: number | undefined;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number | undefined;
}

/** Fields of the schema of {@link AdamOptions}. */
export const adamFields = {
  beta1: optional(shareBelowOne(), 0.9),
  beta2: optional(shareBelowOne(), 0.999),
  epsilon: optional(positiveNumber(), 1e-8),
};
const adamSchema = fields(adamFields);

/**
 * Adam: divides the running mean of each gradient by the root of the running mean of its square.
 *
 * Keeps two moments a variable, `firstMoment.<variable>` and `secondMoment.<variable>`, of its shape.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @see Kingma and Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980
 */
export function scaleByAdam(options: AdamOptions = {}): GradientTransform {
  const { beta1, beta2, epsilon } = resolveOptions(adamSchema, options);
  return {
    configuration: { adam: { beta1, beta2, epsilon } },
    init: (variables) =>
      new Map(
        ["firstMoment", "secondMoment"].flatMap((moment) =>
          [...variables].map(([name, { shape }]) => [`${moment}.${name}`, tf.zeros(shape)] as const),
        ),
      ),
    update: (updates, context) => {
      const { state, scalar } = context;
      const { scaledEpsilon, stepFactor, directionFactor } = correctBias({ beta1, beta2, epsilon }, context);
      const names = [...updates.keys()];
      const results = applyElementwise(
        [...updates].map(([name, { direction }]) => [
          direction,
          state.get(`firstMoment.${name}`)!,
          state.get(`secondMoment.${name}`)!,
        ]),
        ([gradient, oldFirst, oldSecond]) => {
          const first = tf.add(tf.mul(oldFirst!, scalar(beta1)), tf.mul(gradient!, scalar(1 - beta1)));
          const second = tf.add(tf.mul(oldSecond!, scalar(beta2)), tf.mul(tf.square(gradient!), scalar(1 - beta2)));
          const direction = tf.div(first, tf.add(tf.sqrt(second), scaledEpsilon));
          return [directionFactor ? tf.mul(direction, directionFactor) : direction, first, second];
        },
      );
      const adapted = new Map<string, Update>();
      const moments = new Map<string, tf.Tensor>();
      for (const [i, [direction, first, second]] of results.entries()) {
        const name = names[i]!;
        const { stepSize, decay } = updates.get(name)!;
        adapted.set(name, { direction: direction!, stepSize: stepFactor(stepSize), decay });
        moments.set(`firstMoment.${name}`, first!).set(`secondMoment.${name}`, second!);
      }
      return { updates: adapted, state: moments };
    },
  };
}

/** The corrections of both moments' bias, folded into step size and epsilon: exact, and two fewer passes. */
function correctBias(
  { beta1, beta2, epsilon }: Readonly<Record<"beta1" | "beta2" | "epsilon", number>>,
  context: TransformContext,
) {
  const { recordedStep, scalar } = context;
  if (recordedStep === undefined) {
    const secondCorrection = Math.sqrt(1 - beta2 ** context.step);
    const firstCorrection = 1 - beta1 ** context.step;
    return {
      scaledEpsilon: scalar(epsilon * secondCorrection),
      stepFactor: (stepSize: number) => (stepSize * secondCorrection) / firstCorrection,
      directionFactor: undefined,
    };
  }
  // 1 − βᵗ = −expm1(t · ln β): the difference itself would lose most digits of the first steps.
  const correction = (beta: number) => tf.neg(tf.expm1(tf.mul(recordedStep, Math.log(beta))));
  const secondCorrection = tf.sqrt(correction(beta2));
  return {
    scaledEpsilon: tf.mul(secondCorrection, epsilon),
    stepFactor: (stepSize: number) => stepSize,
    directionFactor: tf.div(secondCorrection, correction(beta1)),
  };
}
