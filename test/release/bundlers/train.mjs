// Trains a model for the page, a few steps, into `models`: what is checked is that it runs.
import "@tensorflow/tfjs-backend-cpu";
import { loadCaptionedDigits } from "@mmgen/datasets/node";
import { MultimodalModel } from "mmgen";
import { saveTo } from "mmgen/node";

const { train } = await loadCaptionedDigits({ source: "procedural", trainCount: 64, testCount: 8, seed: 1 });
const training = { steps: 2, warmUpSteps: 1, batchSize: 8 };
const model = await MultimodalModel.train({
  images: train.images,
  captions: train.captions,
  preset: "smoke",
  composition: "figure-ground",
  seed: 1,
  vqvae: { training },
  transformer: { training },
});
await saveTo("models", model);
