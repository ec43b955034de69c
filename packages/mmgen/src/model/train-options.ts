import type { ProcessGroup } from "@mmgen/core";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import type { TrainingObserver } from "@mmgen/training";
import type { VqVae } from "@mmgen/vqvae";
import { type Continuing, continuingFields } from "../continuing/known-model.js";
import type { RefinementStage } from "../stages/refine-vqvae.js";
import type { ImageSet } from "./image-text.js";
import type { ReadModelFile } from "./model-parts.js";

/** Where a training keeps its state and its finished parts, by name. */
export interface CheckpointStore {
  /** A file's bytes, or undefined where there is none. */
  readonly read: ReadModelFile;
  /** Writes a file, all or nothing. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<void>;
  /** Writes a training's state every so many steps too, not only after each epoch, by time and at the end. */
  readonly everySteps?: number | undefined;
  /** Seconds after which a state is written within an epoch. Default 600. */
  readonly everySeconds?: number | undefined;
}

/** The stages that train: the image codec, its refinement where there is one, then the transformer. */
export type StageName = "vqvae" | RefinementStage | "transformer";

/** Names of the files that hold a stage's training state. */
export const trainingFiles = {
  vqvae: "vqvae-training.safetensors",
  captionClassifier: "caption-classifier-training.safetensors",
  refinement: "refinement-training.safetensors",
  transformer: "transformer-training.safetensors",
} as const satisfies Record<StageName, string>;

/** Names of the files that hold the codes of the images, so that a training that goes on need not encode them again. */
export const codeFiles = {
  images: "codes-training.safetensors",
  heldOut: "held-out-codes-training.safetensors",
} as const;

/** A model's parts while one of them trains; borrowed, and never to be changed. They are gone once the training has failed. */
export interface PartsInTraining {
  readonly tokenizer: MultimodalTokenizer;
  readonly vqvae: VqVae;
  /** Present in the last stage. */
  readonly transformer?: TinyTransformer;
}

/** Data and surroundings of a training. */
export interface TrainOptions extends ImageSet, Continuing {
  /** Images, with what the others have, to evaluate on before training and after each epoch; never trained on. Default: none. */
  readonly heldOut?: ImageSet | undefined;
  /** Seed of everything random: first weights, order of examples, dropout. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Told of all trainings, one after the other; a function gives each stage its own, which may look at the parts between two
   * steps: reconstruct images, draw samples. Default: none.
   */
  readonly observers?:
    | readonly TrainingObserver[]
    | ((stage: StageName, parts: PartsInTraining) => readonly TrainingObserver[])
    | undefined;
  /** Stops after the step at hand with an `AbortedError`; with `checkpoints` the same call goes on from there. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Where state and finished parts are kept; `trainInto` of `mmgen/node` keeps them in a folder. Default: none. */
  readonly checkpoints?: CheckpointStore | undefined;
  /**
   * Processes that train together, on one machine or many (`@mmgen/mpi`): each makes the same call with the same data and gets
   * the same model. The first one alone reads and writes `checkpoints`, has its observers called, evaluates and encodes.
   * Default: this process alone.
   */
  readonly group?: ProcessGroup | undefined;
}

/** Names of the fields of {@link TrainOptions}. */
export const trainFields = [
  ...["images", "captions", "classes", "heldOut", "seed", "observers", "signal", "checkpoints", "group"],
  ...continuingFields,
] as const;
