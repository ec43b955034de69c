import type { TrainingHistory } from "@mmgen/training";
import { MultimodalModel } from "mmgen";
import type { RequestContext } from "../protocol/serve-requests.js";
import type { TrainedModel, TrainingEvent, TrainParams } from "../protocol/training-messages.js";
import { digitsData } from "../training/digits-data.js";
import { modelReadme } from "../training/model-readme.js";
import { inOneWindow } from "../training/one-window.js";
import { type TrainingData, type TrainingPlan, trainingOptions } from "../training/training-plan.js";
import { TrainingStore } from "../training/training-store.js";
import { TrainingWatch } from "./training-watch.js";

/**
 * Trains a model, or goes on with the stored training; state, losses and the trained model are kept in the browser's store.
 *
 * @throws an `AbortedError` when it is stopped: the state is then stored.
 * @throws an error with a sentence when nothing is stored, or another window trains.
 */
export async function trainModel(
  { begin }: TrainParams,
  context: RequestContext<TrainingEvent>,
): Promise<TrainedModel> {
  return inOneWindow(async () => {
    const store = await TrainingStore.open();
    try {
      if (begin !== undefined) {
        if (await store.has("plan")) {
          throw new Error(
            "This browser keeps a training that another window has begun. Reload the page to go on with it or discard it.",
          );
        }
        const data = begin.data ?? digitsData(begin.plan.seed);
        await store.clear();
        await store.write({ data, held: data.held, plan: begin.plan });
      }
      return { files: await trainStored(store, context) };
    } finally {
      store.close();
    }
  });
}

async function trainStored(store: TrainingStore, context: RequestContext<TrainingEvent>) {
  const [plan, data] = [await store.read("plan"), await store.read("data")];
  const [curves, pictures] = [await store.read("curves"), await store.read("pictures")];
  if (plan === undefined || data === undefined) {
    throw new Error("No training is stored in this browser. Start a new one.");
  }
  const watch = new TrainingWatch(context, { data, curves, pictures });
  const shown = () => ({ curves: watch.curves, pictures: watch.pictures });
  await context.tell({ kind: "begin", plan, curves: watch.curves, held: data.held });
  using model = await MultimodalModel.train({
    ...trainingOptions(plan, data),
    observers: (stage, parts) => [watch.observer(stage, parts)],
    signal: context.signal,
    checkpoints: store.checkpoints(shown),
  });
  await watch.end(model);
  const files = new Map([...(await model.save()), ...accompanyingFiles(model, plan, data)]);
  await store.write({ model: files, ...shown() });
  return files;
}

/** What a person wants to know of a model's files, beside them. */
function accompanyingFiles(
  model: MultimodalModel,
  plan: TrainingPlan,
  data: TrainingData,
): (readonly [string, Uint8Array])[] {
  const { transformer, vqvae } = model.history!;
  const losses = { vqvae: lossesOf(vqvae), transformer: lossesOf(transformer) };
  const encoder = new TextEncoder();
  return [
    ["README.md", encoder.encode(modelReadme(plan, data))],
    ["training.json", encoder.encode(JSON.stringify({ plan, losses }, undefined, 2))],
  ];
}

function lossesOf({ steps }: TrainingHistory): readonly number[] {
  return steps.map(({ loss }) => loss);
}
