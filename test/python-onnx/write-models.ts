import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportOnnx, exportOnnxFiles, useOnnx } from "@mmgen/backend-onnx";
import { type ExampleSource, Random, type TokenBatch } from "@mmgen/core";
import { generate, rowSeeds } from "@mmgen/samplers";
import { exportableGeneration, TinyTransformer, type TransformerBatch } from "@mmgen/tiny-transformer";
import { adamW, constantSchedule, exportableState, exportableTrainingStep, Optimizer, train } from "@mmgen/training";

/** A tensor as the Python side reads it. */
interface Written {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const folder = process.argv[2]!;
const int32 = (data: Iterable<number>, shape: readonly number[]): Written => ({
  dtype: "int32",
  shape,
  data: [...data],
});
const write = (name: string, content: Uint8Array | string) => writeFileSync(join(folder, name), content);

await useOnnx();
const [vocabularySize, contextLength, promptLength, rows] = [37, 24, 2, 5];
const model = TinyTransformer.create(
  { vocabularySize, contextLength, width: 32, heads: 4, layers: 2 },
  { random: Random.fromSeed(1) },
);

// A generation with a grammar as inputs, in one file and with its weights in files beside it.
const random = Random.fromSeed(2);
const allowed = Uint8Array.from({ length: 2 * vocabularySize }, (_, entry) => (entry % 3 === 0 ? 0 : 1));
const next = Int32Array.from({ length: 2 * vocabularySize }, (_, entry) => entry % 2);
const grammar = { vocabularySize, stateCount: 2, start: 0, allowed, next };
const prompt: TokenBatch = {
  data: Int32Array.from({ length: rows * promptLength }, (_, i) => (i % 2 ? 5 : 2)),
  count: rows,
  length: promptLength,
};
const seeds = rowSeeds(7, rows);
const ids = await generate({ model, prompt, seeds, grammar, steps: contextLength - promptLength });
const generation = exportableGeneration(model, { promptLength, grammar: "input" });
write("generation.onnx", await exportOnnx(generation));
for (const [name, bytes] of await exportOnnxFiles(generation, { fileName: "parts.onnx", maxFileBytes: 40_000 })) {
  write(name, bytes);
}
const feeds = {
  prompt: int32(prompt.data, [rows, promptLength]),
  seeds: int32(new Int32Array(seeds.buffer), [rows]),
  allowed: { ...int32(allowed, [2, vocabularySize]), dtype: "bool" },
  next: int32(next, [2, vocabularySize]),
  start: int32([0], []),
};

// Three training steps.
const count = 12;
const tokens = Int32Array.from({ length: count * contextLength }, () => random.integer(vocabularySize));
const batchOf = (indices: Int32Array): TokenBatch => ({
  data: Int32Array.from(
    [...indices].flatMap((row) => [...tokens.slice(row * contextLength, (row + 1) * contextLength)]),
  ),
  count: indices.length,
  length: contextLength,
});
const batches: TransformerBatch[] = [];
const examples: ExampleSource<TransformerBatch> = {
  count,
  batch: (indices) => {
    batches.push({ inputs: batchOf(indices), targets: batchOf(indices.map((row) => (row + 1) % count)) });
    return batches.at(-1)!;
  },
};
const learningRate = 1e-3;
const transform = adamW({ clipNorm: 1 });
const shape = ["batch", contextLength] as const;
const step = exportableTrainingStep({
  model,
  optimizer: Optimizer.create(model.parameters, transform),
  inputs: { inputs: { shape, dtype: "int32" }, targets: { shape, dtype: "int32" } },
});
write("step.onnx", await exportOnnx(step));
write("state.onnx", await exportOnnx(exportableState(step)));
const { history } = await train({
  model,
  examples,
  batchSize: 4,
  steps: 3,
  schedule: constantSchedule(learningRate),
  optimizer: transform,
  random: Random.fromSeed(3),
});
const written = ({ data, count, length }: TokenBatch) => int32(data, [count, length]);
write(
  "expected.json",
  JSON.stringify({
    generation: { feeds, ids: int32(ids.data, [ids.count, ids.length]) },
    training: {
      learningRate,
      batches: batches.map(({ inputs, targets }) => ({ inputs: written(inputs), targets: written(targets) })),
      losses: history.steps.map(({ loss }) => loss),
    },
  }),
);
