import { checkNumber } from "@mmgen/core";
import { fields, number, optional, pipe, resolveOptions, rule, wholeNumber } from "@mmgen/core/options";

/**
 * Learning rate by step: a pure function of the number of steps already taken, so that a resumed run needs no state.
 *
 * `configuration` describes the schedule as plain data; a checkpoint keeps it, and a resume with another one is refused.
 */
export interface Schedule {
  (step: number): number;
  readonly configuration?: Readonly<Record<string, string | number>>;
}

/** Options of {@link cosineSchedule} and {@link linearSchedule}. */
export interface DecayOptions {
  /** The highest learning rate, per step. */
  readonly learningRate: number;
  /** Steps of the whole run, warm-up included. */
  readonly totalSteps: number;
  /** Steps over which the rate rises linearly; that of the first step is `learningRate / warmUpSteps`. Default 0. */
  readonly warmUpSteps?: number;
  /** The rate at `totalSteps` and after. Default 0. */
  readonly finalLearningRate?: number | undefined;
}

const decaySchema = pipe(
  fields({
    learningRate: number({ min: 0 }),
    totalSteps: wholeNumber({ min: 1 }),
    warmUpSteps: optional(wholeNumber({ min: 0 }), 0),
    finalLearningRate: optional(number({ min: 0 }), 0),
  }),
  rule("warmUpSteps", ({ warmUpSteps, totalSteps }) =>
    warmUpSteps > totalSteps ? `expected at most totalSteps (${totalSteps}), got ${warmUpSteps}.` : undefined,
  ),
  rule("finalLearningRate", ({ finalLearningRate, learningRate }) =>
    finalLearningRate > learningRate
      ? `expected at most learningRate (${learningRate}), got ${finalLearningRate}.`
      : undefined,
  ),
);

/**
 * The same `learningRate`, per step, at every step.
 *
 * @throws a `ConfigError` when it is negative or not finite.
 */
export function constantSchedule(learningRate: number): Schedule {
  checkNumber("learningRate", learningRate, { min: 0 });
  return Object.assign(() => learningRate, { configuration: { kind: "constant", learningRate } });
}

/**
 * Linear warm-up, then half a cosine from `learningRate` down to `finalLearningRate`.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @see Loshchilov and Hutter 2017, eq. 5, https://arxiv.org/abs/1608.03983
 */
export function cosineSchedule(options: DecayOptions): Schedule {
  return decaying("cosine", options, (progress) => (1 + Math.cos(Math.PI * progress)) / 2);
}

/**
 * Linear warm-up, then a straight line from `learningRate` down to `finalLearningRate`.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 */
export function linearSchedule(options: DecayOptions): Schedule {
  return decaying("linear", options, (progress) => 1 - progress);
}

function decaying(kind: string, options: DecayOptions, shape: (progress: number) => number): Schedule {
  const { learningRate, totalSteps, warmUpSteps, finalLearningRate } = resolveOptions(decaySchema, options);
  const schedule = (step: number): number => {
    if (step < warmUpSteps) {
      return (learningRate * (step + 1)) / warmUpSteps;
    }
    if (step >= totalSteps) {
      return finalLearningRate;
    }
    return (
      finalLearningRate + (learningRate - finalLearningRate) * shape((step - warmUpSteps) / (totalSteps - warmUpSteps))
    );
  };
  // States of runs hold the last rate under this name.
  return Object.assign(schedule, {
    configuration: { kind, learningRate, totalSteps, warmUpSteps, floor: finalLearningRate },
  });
}
