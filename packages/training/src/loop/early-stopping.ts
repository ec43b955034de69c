import { ConfigError } from "@mmgen/core";
import { boolean, fields, number, oneOf, optional, text, wholeNumber } from "@mmgen/core/options";
import type { EpochRecord } from "../observers/training-observer.js";

/** When a run ends before its last step because evaluations stop improving. */
export interface EarlyStopping {
  /** The metric of `evaluate` to watch; default `loss`. */
  readonly metric?: string | undefined;
  /** Whether the metric is to become small (default) or large. */
  readonly goal?: "min" | "max" | undefined;
  /** Evaluations in a row without improvement after which the run ends. */
  readonly patience: number;
  /** Minimum difference from the best evaluation so far that counts as an improvement; default 0, any difference. */
  readonly minImprovement?: number | undefined;
  /** Whether the model ends with the weights of the best evaluation; default true. */
  readonly restoreBest?: boolean | undefined;
}

/** Schema of {@link EarlyStopping}, without defaults: a checkpoint keeps the options as they were given. */
export const earlyStoppingSchema = fields({
  metric: optional(text({ minLength: 1 })),
  goal: optional(oneOf(["min", "max"])),
  patience: wholeNumber({ min: 1 }),
  minImprovement: optional(number({ min: 0 })),
  restoreBest: optional(boolean()),
});

/** What {@link EarlyStopping} decides about a run so far. */
export interface StoppingVerdict {
  /** Index of the best evaluation, the earliest of equals; -1 while no metric was a number. */
  readonly best: number;
  /** Evaluations since the best. */
  readonly waited: number;
  readonly isOver: boolean;
}

/**
 * Decides from a run's evaluations, the one before training included, whether it is over.
 *
 * A function of the history alone, so that a resumed run decides as the uninterrupted one.
 *
 * @throws a {@link ConfigError} when an evaluation has no metric of that name.
 */
export function stoppingVerdict(options: EarlyStopping, epochs: readonly EpochRecord[]): StoppingVerdict {
  const { metric = "loss", goal = "min", patience, minImprovement = 0 } = options;
  const sign = goal === "min" ? 1 : -1;
  let best = -1;
  let bestValue = Number.POSITIVE_INFINITY;
  for (const [i, { metrics }] of epochs.entries()) {
    if (!Object.hasOwn(metrics, metric)) {
      throw new ConfigError(
        `earlyStopping.metric: evaluate gave no "${metric}", only ${Object.keys(metrics).join(", ") || "nothing"}.`,
      );
    }
    // A NaN, which JSON keeps as null, is no improvement.
    const value = typeof metrics[metric] === "number" ? sign * metrics[metric] : Number.NaN;
    if (value < bestValue - (best < 0 ? 0 : minImprovement)) {
      best = i;
      bestValue = value;
    }
  }
  const waited = epochs.length - 1 - best;
  return { best, waited, isOver: epochs.length > 0 && waited >= patience };
}
