import { ConfigError, checkOneOf } from "@mmgen/core";
import type { TrainingSettings } from "./run-stage.js";

/** Metrics of held-out images after each epoch of an image codec; early stopping watches the first by default. */
export const vqVaeMetrics = [
  "heldOutLoss",
  "meanSquaredError",
  "exactLevelAccuracy",
  "peakSignalToNoiseRatio",
  "perplexity",
  "codesUsed",
] as const;

/** Metrics of held-out pairs after each epoch of a transformer, by what it is; early stopping watches the first by default. */
export const transformerMetrics = {
  autoregressive: ["natsPerId", "text-first", "image-first", "natsPerSequence"],
  diffusion: ["natsPerId", "natsPerSequence"],
  /** A diffusion model of kernel `chain`, which has no bound. */
  chain: ["natsPerId", "loss"],
} as const;

/**
 * Checks that early stopping has the metric to watch.
 *
 * @param path - Name of the settings, for errors.
 * @param metrics - Names of those that evaluations will give; `undefined` where there will be none.
 * @throws a {@link ConfigError} that lists the metrics there are.
 */
export function checkEarlyStopping(
  { earlyStopping }: TrainingSettings,
  path: string,
  metrics: readonly string[] | undefined,
): void {
  if (earlyStopping === undefined) {
    return;
  }
  if (metrics === undefined) {
    throw new ConfigError(`${path}.earlyStopping: needs heldOut, whose metrics it watches.`);
  }
  checkOneOf(`${path}.earlyStopping.metric`, earlyStopping.metric ?? metrics[0], metrics);
}
