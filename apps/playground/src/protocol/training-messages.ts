import type { ImageBatch } from "@mmgen/core";
import type { LossCurves, LossPoint, TrainingStage } from "../training/loss-curves.js";
import type { TrainingData, TrainingPlan } from "../training/training-plan.js";

/** A training to begin, in place of the stored one; without `begin` the stored one goes on. */
export interface TrainParams {
  readonly begin?:
    | {
        readonly plan: TrainingPlan;
        /** Digits are drawn by the worker. */
        readonly data?: TrainingData | undefined;
      }
    | undefined;
}

export interface TrainedModel {
  /** As `MultimodalModel.save` gives them, and what it was trained by. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What a training tells. */
export type TrainingEvent =
  /** It begins or goes on: losses so far, and images to look at meanwhile. */
  | { readonly kind: "begin"; readonly plan: TrainingPlan; readonly curves: LossCurves; readonly held: ImageBatch }
  /** Steps were taken since the last of these. */
  | {
      readonly kind: "steps";
      readonly stage: TrainingStage;
      readonly points: readonly LossPoint[];
      readonly totalSteps: number;
      readonly stepsPerSecond: number;
    }
  /** The images kept aside, as the image codec shows them now. */
  | { readonly kind: "reconstructions"; readonly images: ImageBatch }
  /** What the model draws now, with captions where it has words. */
  | { readonly kind: "samples"; readonly images: ImageBatch; readonly captions: readonly string[] };
