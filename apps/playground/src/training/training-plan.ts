import type { ImageBatch } from "@mmgen/core";
import type { ImageClasses, ModelOptions } from "mmgen";

/** What there is to learn from. */
export type DatasetName = "digits" | "avatars" | "own";

/** Sizes of models, with steps that suit them. */
export const modelSizes = {
  small: { title: "Small: first results soonest", preset: "minute", codecSteps: 200, transformerSteps: 500 },
  medium: { title: "Medium", preset: "minute", codecSteps: 400, transformerSteps: 1500 },
  large: {
    title: "Large: the best, and by far the longest",
    preset: "quick",
    codecSteps: 1000,
    transformerSteps: 3000,
  },
} as const;
export type ModelSize = keyof typeof modelSizes;

/** What a visitor chose, from which the same training can be begun again. */
export interface TrainingPlan {
  /** As the page calls the model. */
  readonly name: string;
  readonly dataset: DatasetName;
  readonly size: ModelSize;
  /** Steps of the image codec, then of the transformer. */
  readonly codecSteps: number;
  readonly transformerSteps: number;
  readonly seed: number;
}

/** Images with what is said of them: captions, a class each, or nothing. */
export interface TrainingData {
  readonly images: ImageBatch;
  readonly captions?: readonly string[] | undefined;
  readonly classes?: ImageClasses | undefined;
  /** Images to look at meanwhile, never trained on. */
  readonly held: ImageBatch;
}

/** Images of a pass: fewer are repeated, or a pass would be over, and its state written, after a few steps. */
const minImages = 1024;

/** What `MultimodalModel.train` takes for a plan: the same in a browser as in Node. */
export function trainingOptions(
  plan: TrainingPlan,
  { captions, classes, images }: TrainingData,
): ModelOptions & Omit<TrainingData, "held"> & { readonly seed: number } {
  const times = Math.ceil(minImages / images.count);
  const repeat = <Item>(list: readonly Item[]): Item[] => Array.from({ length: times }, () => list).flat();
  const data = new Uint8Array(times * images.data.length);
  for (let i = 0; i < times; i++) {
    data.set(images.data, i * images.data.length);
  }
  const training = (steps: number) => ({ training: { steps, warmUpSteps: Math.floor(steps / 20) } });
  return {
    images: { ...images, data, count: times * images.count },
    ...(captions && { captions: repeat(captions) }),
    ...(classes && { classes: { ...classes, labels: repeat(Array.from(classes.labels)) } }),
    preset: modelSizes[plan.size].preset,
    composition: plan.dataset === "digits" ? "figure-ground" : "whole",
    vqvae: { ...training(plan.codecSteps), refinement: false },
    transformer: training(plan.transformerSteps),
    seed: plan.seed,
  };
}
