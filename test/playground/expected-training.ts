import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MultimodalModel, trainingSequences, trainTransformer } from "mmgen";
import { ensureBackend, loadFrom } from "mmgen/node";
import { digitsData } from "../../apps/playground/src/training/digits-data.js";
import { type TrainingPlan, trainingOptions } from "../../apps/playground/src/training/training-plan.js";

/** How far a loss may be from Node's: float32 sums in another order, over some steps of Adam. */
const tolerance = 1e-3;

// Trains in Node what the page trained on digits, loads the page's model, and prints what is wrong, a line each.
const folder = process.argv[2]!;
interface Trained {
  readonly plan: TrainingPlan;
  readonly losses: Readonly<Record<"transformer" | "vqvae", readonly number[]>>;
}
const { losses, plan } = JSON.parse(readFileSync(join(folder, "training.json"), "utf8")) as Trained;
await ensureBackend();
const data = digitsData(plan.seed);
const options = trainingOptions(plan, data);

function compare(stage: "transformer" | "vqvae", steps: readonly { readonly loss: number }[]): void {
  const differences = steps.map(({ loss }, i) => Math.abs(loss - losses[stage][i]!));
  const largest = Math.max(...differences);
  console.error(
    `${stage}: ${steps.length} losses, ${steps.at(-1)!.loss.toFixed(4)} at last, ${largest.toExponential(1)} apart`,
  );
  if (!(largest <= tolerance) || steps.length !== losses[stage].length) {
    console.log(
      `${stage}: ${losses[stage].length} losses of the page differ from ${steps.length} of Node by up to ${largest}`,
    );
  }
}

using trained = await MultimodalModel.train({
  ...options,
  transformer: { ...options.transformer, training: { steps: 1, warmUpSteps: 0 } },
});
compare("vqvae", trained.history!.vqvae.steps);

// On the page's own codes: of two that are as near, rounding decides, and a codec of few steps has many such.
using loaded = await loadFrom(folder, { onBackend: () => {} });
const { tokenizer, vqvae } = loaded;
const training = loaded.config.training!;
const { contextLength: _length, vocabularySize: _size, ...model } = loaded.transformer.config;
const codes = await vqvae.encode(options.images);
const { history, transformer } = await trainTransformer({
  ...{ model, tokenizer, seed: plan.seed, training: training.transformer },
  examples: trainingSequences(training, { tokenizer, codes, captions: options.captions!, seed: plan.seed }),
});
compare("transformer", history.steps);
transformer.dispose();

const images = await loaded.draw([data.captions![0]!], { count: 2, seed: 1 });
if (images.count !== 2 || images.height !== 28 || images.maxValue !== 3) {
  console.log(
    `the downloaded model draws ${images.count} images of ${images.height} pixels, ${images.maxValue + 1} levels`,
  );
}
