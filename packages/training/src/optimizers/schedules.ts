import { ConfigError } from "@mmgen/core";

/**
 * The learning rate of a step: a pure function of the number of steps already taken, so that a resumed run needs no state.
 *
 * `configuration` describes the schedule as plain data; a checkpoint keeps it, and a resume with another one is refused.
 */
export interface Schedule {
  (step: number): number;
  readonly configuration?: Readonly<Record<string, string | number>>;
}

/** Options of the schedules that warm up and then fall. */
export interface DecayOptions {
  /** The highest learning rate, per step. */
  readonly learningRate: number;
  /** How many steps the whole run takes, warm-up included. */
  readonly totalSteps: number;
  /** Steps over which the rate climbs in a straight line; the first step already takes `learningRate / warmUpSteps`. Default 0. */
  readonly warmUpSteps?: number;
  /** The rate at `totalSteps` and after. Default 0. */
  readonly floor?: number;
}

/** The same `learningRate`, per step, at every step. */
export function constantSchedule(learningRate: number): Schedule {
  checkRate("learningRate", learningRate);
  return Object.assign(() => learningRate, { configuration: { kind: "constant", learningRate } });
}

/**
 * Linear warm-up, then half a cosine from `learningRate` down to `floor`.
 *
 * @throws a {@link ConfigError} when a figure is out of range.
 * @see Loshchilov and Hutter 2017, eq. 5, https://arxiv.org/abs/1608.03983
 */
export function cosineSchedule(options: DecayOptions): Schedule {
  return decaying("cosine", options, (progress) => (1 + Math.cos(Math.PI * progress)) / 2);
}

/**
 * Linear warm-up, then a straight line from `learningRate` down to `floor`.
 *
 * @throws a {@link ConfigError} when a figure is out of range.
 */
export function linearSchedule(options: DecayOptions): Schedule {
  return decaying("linear", options, (progress) => 1 - progress);
}

function decaying(kind: string, options: DecayOptions, shape: (progress: number) => number): Schedule {
  const { learningRate, totalSteps, warmUpSteps = 0, floor = 0 } = options;
  checkRate("learningRate", learningRate);
  checkRate("floor", floor);
  if (!Number.isInteger(totalSteps) || totalSteps < 1) {
    throw new ConfigError(`totalSteps: expected a whole number of at least 1, got ${totalSteps}.`);
  }
  if (!Number.isInteger(warmUpSteps) || warmUpSteps < 0 || warmUpSteps > totalSteps) {
    throw new ConfigError(
      `warmUpSteps: expected a whole number from 0 to totalSteps (${totalSteps}), got ${warmUpSteps}.`,
    );
  }
  if (floor > learningRate) {
    throw new ConfigError(`floor: expected at most learningRate (${learningRate}), got ${floor}.`);
  }
  const schedule = (step: number): number => {
    if (step < warmUpSteps) {
      return (learningRate * (step + 1)) / warmUpSteps;
    }
    if (step >= totalSteps) {
      return floor;
    }
    return floor + (learningRate - floor) * shape((step - warmUpSteps) / (totalSteps - warmUpSteps));
  };
  return Object.assign(schedule, { configuration: { kind, learningRate, totalSteps, warmUpSteps, floor } });
}

function checkRate(name: string, rate: number): void {
  if (!Number.isFinite(rate) || rate < 0) {
    throw new ConfigError(`${name}: expected a number of at least 0, got ${rate}.`);
  }
}
