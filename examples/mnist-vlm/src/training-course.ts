import type { TrainingCourse } from "@mmgen/example-common";
import { cosineSchedule } from "@mmgen/training";
import { command } from "./checkpoints.js";
import type { VlmConfig } from "./config.js";

type Optimisation = Pick<
  VlmConfig["tokenizer"],
  "batchSize" | "learningRate" | "finalLearningRate" | "warmUpSteps" | "weightDecay" | "clipNorm"
> & { readonly beta2?: number };

/** How either model is trained: warm-up, then a cosine to the final learning rate. */
export function trainingCourse(
  options: Pick<TrainingCourse, "seed" | "observers" | "signal">,
  config: Optimisation,
  checkpoint: TrainingCourse["checkpoint"],
): TrainingCourse {
  const { batchSize, beta2, clipNorm, finalLearningRate: floor, learningRate, warmUpSteps, weightDecay } = config;
  const { seed, observers, signal } = options;
  return {
    batchSize,
    schedule: (totalSteps) => cosineSchedule({ learningRate, totalSteps, warmUpSteps, floor }),
    optimiser: { weightDecay, clipNorm, ...(beta2 !== undefined && { beta2 }) },
    ...{ seed, checkpoint, observers, signal, command },
  };
}
