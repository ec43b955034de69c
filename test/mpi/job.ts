// One process of test/mpi: trains a tiny model and writes its weights.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { useOnnx } from "@mmgen/backend-onnx";
import { AbortedError, Random } from "@mmgen/core";
import { runWithMpi } from "@mmgen/mpi";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, imageExamples, train, windowExamples } from "@mmgen/training";
import { AdversarialVqVae, VqVae } from "@mmgen/vqvae";

/** `then`: what happens to process 1 in its fourth batch, or `endless` for a training that does not end by itself. */
const [kind, parts, then] = process.argv.slice(2);
const random = Random.fromSeed(1);

function transformer() {
  const sizes = { vocabularySize: 128, contextLength: 16, width: 32, heads: 2, layers: 2, dropout: 0.1 };
  const text = new TextEncoder().encode("to be, or not to be, that is the question: ".repeat(9));
  const model = TinyTransformer.create(sizes, { random });
  return { model, examples: windowExamples(Int32Array.from(text), { length: 16 }), weightsOf: model };
}

function vqvae(codebook: "ema" | "gradient", normalization: "group" | "batch" = "group") {
  const data = Uint8Array.from(random.fork("images").uniforms(64 * 64, 0, 255));
  const network = { hiddenChannels: 8, stages: 1, normalization } as const;
  const quantizer = { type: "vector", codebookSize: 16, codeDimension: 4, codebook } as const;
  const options = { imageSide: 8, channels: 1, maxValue: 255, head: "regression", network, quantizer } as const;
  const model = VqVae.create(options, { random });
  const examples = imageExamples({ data, count: 64, height: 8, width: 8, channels: 1, maxValue: 255 });
  return { model, examples, weightsOf: model };
}

function adversarial() {
  const { model: codec, examples } = vqvae("gradient");
  const options = { discriminator: { baseChannels: 4 }, weighting: { type: "constant", weight: 0.1 } } as const;
  const model = AdversarialVqVae.create(codec, options, { random: random.fork("discriminator") });
  return { model, examples, weightsOf: codec };
}

const create = {
  transformer,
  adversarial,
  ema: () => vqvae("ema"),
  gradient: () => vqvae("gradient"),
  "batch-norm": () => vqvae("gradient", "batch"),
}[kind!]!;

await runWithMpi(async ({ group, signal }) => {
  await useOnnx({ intraOpNumThreads: 1 });
  const { model, examples, weightsOf } = create();
  let batches = 0;
  const failing: typeof examples.batch = (...given: [never, never]) => {
    batches++;
    if (group.rank === 1 && batches === 4) {
      if (then === "throw") {
        throw new Error("the disk is gone");
      }
      if (then === "SIGKILL" || then === "SIGTERM") {
        process.kill(process.pid, then);
      }
    }
    return examples.batch(...given) as never;
  };
  const { status, step } = await train({
    ...{ model: model as never, examples: { ...examples, batch: failing } as never, batchSize: 32 },
    ...{ schedule: constantSchedule(1e-3), random: Random.fromSeed(2), group, signal },
    ...{ steps: then === "endless" ? 1e6 : 8, ...(parts && { gradientAccumulation: Number(parts) }) },
    checkpoint: { everySteps: 1, write: (state) => writeFileSync("state.bin", state) },
    ...(then === "resume" && existsSync("state.bin") && { resume: readFileSync("state.bin") }),
  });
  if (status === "aborted") {
    throw new AbortedError(`Stopped after step ${step}.`);
  }
  if (then === "late" && group.rank === 1) {
    throw new Error("the disk is gone");
  }
  writeFileSync(`${kind}.${group.rank}.bin`, await weightsOf.toSafetensors());
});
