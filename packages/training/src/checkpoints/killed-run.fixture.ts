import { createHash } from "node:crypto";
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { Random, readSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { evaluateLoss } from "../loop/evaluate-loss.js";
import { points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { train } from "../loop/train.js";
import { cosineSchedule } from "../optimizers/schedules.js";
import { checkpointFile, loadTrainingState } from "./checkpoint-file.js";
import { timelessState } from "./timeless-state.fixture.js";

// A program: `node <bundle> FOLDER` trains with everything switched on that a checkpoint holds, from FOLDER's state if
// there is one, and writes a checkpoint after every step. Standard output tells what it is about to do, a line each.

const folder = process.argv[2]!;
const path = join(folder, "state.safetensors");
const file = checkpointFile(path, { everySteps: 1 });
const say = (line: string) => process.stdout.write(`${line}\n`);

const model = new TinyRegression(Random.fromSeed(3));
// Enough that writing takes a while: with moments, average and best about 0.5 MB a checkpoint.
model.parameters.set(
  "ballast",
  tf.tidy(() => tf.variable(tf.tensor2d(Random.fromSeed(4).normals(25_000), [2, 12_500]))),
);

const test = points(Random.fromSeed(8), 21);
const { status } = await train({
  model,
  examples: points(Random.fromSeed(7), 50),
  batchSize: 8,
  epochs: 20,
  schedule: cosineSchedule({ learningRate: 0.02, totalSteps: 120, warmUpSteps: 3 }),
  optimizer: { clipNorm: 1 },
  gradientAccumulation: 2,
  weightAverage: { decay: 0.9 },
  earlyStopping: { patience: 5, minImprovement: 0.05 },
  random: Random.fromSeed(11),
  evaluate: () => evaluateLoss({ model, examples: test, batchSize: 8 }),
  observers: [{ onStep: ({ step }) => void say(`step ${step}`) }],
  checkpoint: {
    everySteps: 1,
    write: async (state) => {
      const { step } = JSON.parse(readSafetensors(state).metadata.run!);
      await file.write(state);
      // What each checkpoint was, for a comparison with those of another run.
      const sum = createHash("sha256").update(timelessState(state)).digest("hex");
      appendFileSync(join(folder, "checkpoints.txt"), `${step} ${sum}\n`);
    },
  },
  ...(existsSync(path) && { resume: await loadTrainingState(path) }),
});
say(`end ${status}`);
