import { ConfigError } from "@mmgen/core";
import type { EpochRecord } from "../observers/training-history.js";

/** When a run ends before its last step, for want of progress. */
export interface EarlyStopping {
  /** The figure of `evaluate` to watch; default `loss`. */
  readonly metric?: string;
  /** Whether less of it is better (default) or more. */
  readonly goal?: "min" | "max";
  /** Evaluations in a row without improvement after which the run ends. */
  readonly patience: number;
  /** How much better than the best so far an evaluation must be to count; default 0, anything better. */
  readonly minImprovement?: number;
  /** Whether the model ends with the weights of the best evaluation; default true. */
  readonly restoreBest?: boolean;
}

/** How an {@link EarlyStopping} sees a run so far. */
export interface StoppingVerdict {
  /** Index of the best evaluation, the earliest of equals; -1 while no figure was a number. */
  readonly best: number;
  /** Evaluations since the best. */
  readonly waited: number;
  readonly isOver: boolean;
}

/**
 * Reads a run's evaluations, the one before training included: a function of the history alone, so that a resumed run
 * decides as the uninterrupted one.
 *
 * @throws a {@link ConfigError} when an evaluation has no figure of that name.
 */
export function stoppingVerdict(options: EarlyStopping, epochs: readonly EpochRecord[]): StoppingVerdict {
  const { metric = "loss", goal = "min", patience, minImprovement = 0 } = options;
  const sign = goal === "min" ? 1 : -1;
  let best = -1;
  let bestValue = Number.POSITIVE_INFINITY;
  for (const [i, { metrics }] of epochs.entries()) {
    if (!(metric in metrics)) {
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

/** @throws a {@link ConfigError} when an option is out of range. */
export function checkEarlyStopping({ goal = "min", patience, minImprovement = 0 }: EarlyStopping): void {
  if (!Number.isInteger(patience) || patience < 1) {
    throw new ConfigError(`earlyStopping.patience: expected a whole number of at least 1, got ${patience}.`);
  }
  if (!(minImprovement >= 0 && Number.isFinite(minImprovement))) {
    throw new ConfigError(`earlyStopping.minImprovement: expected a number of at least 0, got ${minImprovement}.`);
  }
  if (goal !== "min" && goal !== "max") {
    throw new ConfigError(`earlyStopping.goal: expected "min" or "max", got "${goal}".`);
  }
}
