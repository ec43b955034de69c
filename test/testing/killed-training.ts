import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ImageBatch, Random } from "@mmgen/core";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, imageExamples, tokenExamples, train } from "@mmgen/training";
import { checkpointFile, loadTrainingState } from "@mmgen/training/node";
import { VqVae } from "@mmgen/vqvae";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";

// A program: `node <bundle> MODEL FOLDER` trains a model from FOLDER's state if there is one, and leaves its weights there.
// Standard output tells which step was taken, a line each, before its checkpoint is written.

const [kind, folder] = process.argv.slice(2) as ["transformer" | "vqvae", string];
const path = join(folder, "state.safetensors");
const random = Random.fromSeed(1);
const draw = (size: number, below: number) => Array.from({ length: size }, () => random.integer(below));

async function setUp() {
  return {
    batchSize: 8,
    epochs: 8,
    schedule: constantSchedule(0.01),
    random: random.fork("training"),
    observers: [{ onStep: ({ step }: { step: number }) => void process.stdout.write(`step ${step}\n`) }],
    checkpoint: checkpointFile(path, { everySteps: 1 }),
    ...(existsSync(path) && { resume: await loadTrainingState(path) }),
  };
}

/** Dropout draws anew at every step. */
async function trainTransformer(): Promise<Uint8Array> {
  const [count, length] = [40, 5];
  const rows = tokenExamples({ data: Int32Array.from(draw(count * length, 7)), count, length });
  const model = TinyTransformer.create(
    { vocabularySize: 7, contextLength: length, width: 8, heads: 2, layers: 2, dropout: 0.3 },
    { random },
  );
  const examples = {
    count,
    batch: async (...args: Parameters<typeof rows.batch>) => {
      const ids = await rows.batch(...args);
      return { inputs: ids, targets: ids };
    },
  };
  await train({ model, examples, ...(await setUp()) });
  return model.toSafetensors();
}

/** A codebook of running means, and so high a threshold that codes are revived at nearly every step. */
async function trainVqVae(): Promise<Uint8Array> {
  const [count, side] = [40, 4];
  const data = Uint8Array.from(draw(count * side * side, 4));
  const images: ImageBatch = { data, count, height: side, width: side, channels: 1, maxValue: 3 };
  const model = VqVae.create(
    {
      imageSide: side,
      channels: 1,
      network: { hiddenChannels: 4, stages: 1, residualBlocks: 1 },
      quantizer: { codebookSize: 8, codeDimension: 2, codebook: "ema", deadCodeThreshold: 0.9 },
    },
    { random },
  );
  await train({ model, examples: imageExamples(images), ...(await setUp()) });
  return model.toSafetensors();
}

await tf.setBackend("cpu");
writeFileSync(join(folder, "weights.safetensors"), await (kind === "vqvae" ? trainVqVae() : trainTransformer()));
process.stdout.write("end\n");
