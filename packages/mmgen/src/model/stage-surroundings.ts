import { fingerprint } from "@mmgen/core";
import type { StageOptions } from "../stages/run-stage.js";
import { imageText } from "./image-text.js";
import type { ModelConfig } from "./model-options.js";
import { type PartsInTraining, type StageName, type TrainOptions, trainingFiles } from "./train-options.js";

/** What each stage takes from the options and the configuration, but for its own settings. */
export type StageSurroundings<Model> = Omit<StageOptions<Model>, "training" | "runId">;

/** Gives a stage what it takes from a training's options and configuration; `partsOf` are those that its observers see. */
export type StagesOf = <Model>(name: StageName, partsOf: (model: Model) => PartsInTraining) => StageSurroundings<Model>;

/**
 * What stages take from a training's options and configuration.
 *
 * @param beginning - Id of what the training begins with; undefined where that is random weights.
 */
export function stagesOf(options: TrainOptions, config: ModelConfig, beginning?: string): StagesOf {
  const { checkpoints, group, heldOut, images, observers = [], seed = 0, signal } = options;
  const { refinement, model: vqvae } = config.vqvae;
  // The sampler is no part of the training.
  const diffusion = config.diffusion && { kernel: config.diffusion.kernel, tasks: config.diffusion.tasks };
  const models = {
    vqvae: { vqvae },
    captionClassifier: { vqvae, refinement },
    refinement: { vqvae, refinement },
    transformer: {
      transformer: config.transformer.model,
      ...{ sequences: config.sequences, ...(diffusion && { diffusion }) },
    },
  };
  const texts = [options, ...(heldOut ? [heldOut] : [])].map((set) => imageText("images", set).captions);
  // Without held-out pairs there is a null.
  const text = new TextEncoder().encode(JSON.stringify([texts[0], texts[1]]));
  const data = fingerprint([images.data, text]);
  const dataLike = (stored: unknown) => (stored === data ? data : fingerprint([images.data, text], stored));
  return (name, partsOf) => ({
    ...{ seed, signal, group },
    configuration: (stored) => ({
      data: stored === undefined ? data : dataLike(stored.data),
      ...(beginning !== undefined && { from: beginning }),
      ...models[name],
    }),
    observers: typeof observers === "function" ? (model) => observers(name, partsOf(model)) : observers,
    checkpoint: checkpoints && {
      read: async () => checkpoints.read(trainingFiles[name]),
      write: (state) => checkpoints.write(trainingFiles[name], state),
      everySteps: checkpoints.everySteps,
      everySeconds: checkpoints.everySeconds,
    },
  });
}
