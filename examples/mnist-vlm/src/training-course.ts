import type { TrainingCourse } from "@mmgen/example-common";
import { cosineSchedule, type Schedule } from "@mmgen/training";
import { command } from "./checkpoints.js";
import type { VlmConfig } from "./config.js";

type Optimization = Pick<
  VlmConfig["tokenizer"],
  "batchSize" | "learningRate" | "finalLearningRate" | "warmUpSteps" | "weightDecay" | "clipNorm"
> & { readonly beta2?: number };

/** How either model is trained. */
export function trainingCourse(
  options: Pick<TrainingCourse, "seed" | "observers" | "signal">,
  config: Optimization,
  checkpoint: TrainingCourse["checkpoint"],
): TrainingCourse {
  const { batchSize, beta2, clipNorm, weightDecay } = config;
  const { seed, observers, signal } = options;
  return {
    batchSize,
    schedule: (totalSteps) => courseSchedule(config, totalSteps),
    optimizer: { weightDecay, clipNorm, ...(beta2 !== undefined && { beta2 }) },
    ...{ seed, checkpoint, observers, signal, command },
  };
}

/** The learning rate by step: warm-up, then a cosine to the final one. @throws a `ConfigError` when the figures are at odds. */
export function courseSchedule(config: Optimization, totalSteps: number): Schedule {
  const { finalLearningRate: floor, learningRate, warmUpSteps } = config;
  return cosineSchedule({ learningRate, totalSteps, warmUpSteps, floor });
}
