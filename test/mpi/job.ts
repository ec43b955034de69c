// One process of test/mpi: trains a tiny model and writes its weights.
import { writeFileSync } from "node:fs";
import { useOnnx } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import { runWithMpi } from "@mmgen/mpi";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, imageExamples, train, windowExamples } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";

const [kind, parts, then] = process.argv.slice(2);
const random = Random.fromSeed(1);

function transformer() {
  const sizes = { vocabularySize: 128, contextLength: 16, width: 32, heads: 2, layers: 2, dropout: 0.1 };
  const text = new TextEncoder().encode("to be, or not to be, that is the question: ".repeat(9));
  const model = TinyTransformer.create(sizes, { random });
  return { model, examples: windowExamples(Int32Array.from(text), { length: 16 }) };
}

function vqVae(codebook: "ema" | "gradient") {
  const data = Uint8Array.from(random.fork("images").uniforms(64 * 64, 0, 255));
  const network = { hiddenChannels: 8, stages: 1, normalization: "group" } as const;
  const quantizer = { type: "vector", codebookSize: 16, codeDimension: 4, codebook } as const;
  const model = VqVae.create({ imageSide: 8, channels: 1, maxValue: 255, network, quantizer }, { random });
  return { model, examples: imageExamples({ data, count: 64, height: 8, width: 8, channels: 1, maxValue: 255 }) };
}

await runWithMpi(async ({ group, signal }) => {
  await useOnnx();
  const { model, examples } = kind === "ema" || kind === "gradient" ? vqVae(kind) : transformer();
  let batches = 0;
  const failing: typeof examples.batch = (...given: [never, never]) => {
    batches++;
    if (then === "throw" && group.rank === 1 && batches === 4) {
      throw new Error("the disk is gone");
    }
    return examples.batch(...given) as never;
  };
  await train({
    ...{ model: model as never, examples: { ...examples, batch: failing } as never, batchSize: 32, steps: 8 },
    ...{ schedule: constantSchedule(1e-3), random: Random.fromSeed(2), group, signal },
    ...(parts && { gradientAccumulation: Number(parts) }),
    checkpoint: { write: (state) => writeFileSync("state.bin", state) },
  });
  writeFileSync(`${kind}.${group.rank}.bin`, await model.toSafetensors());
});
