import type { TrainingCourse } from "@mmgen/example-common";
import { cosineSchedule } from "@mmgen/training";
import type { RunConfig } from "./config.js";

type Optimization = Pick<
  RunConfig["tokenizer"],
  "batchSize" | "learningRate" | "warmUpSteps" | "weightDecay" | "clipNorm"
>;

/** How this pipeline trains either model: warm-up, then a cosine to 0. */
export function trainingCourse(
  options: Pick<TrainingCourse, "seed" | "observers" | "signal"> & { readonly config: Optimization },
  checkpoint: TrainingCourse["checkpoint"],
): TrainingCourse {
  const { config, seed, observers, signal } = options;
  const { batchSize, clipNorm, learningRate, warmUpSteps, weightDecay } = config;
  return {
    batchSize,
    schedule: (totalSteps) => cosineSchedule({ learningRate, totalSteps, warmUpSteps }),
    optimizer: { weightDecay, clipNorm },
    ...{ seed, checkpoint, observers, signal, command: "npm start" },
  };
}
