import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, tokenExamples, train } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { compareWithCpu, modelKinds } from "../fixtures/model-work.fixture.js";

/**
 * Works with every kind of model (or those that the arguments name) on backend `tensorflow` and on ONNX Runtime, and
 * prints how far each is from tfjs's cpu backend. Then stops and resumes a training.
 */
// Not a dependency: test/tensorflow-node/main.mjs installs and builds it.
const tfjsNode: string = "@tensorflow/tfjs-node";
await import(tfjsNode);
registerOnnxBackend({ intraOpNumThreads: 1 });

/** How far each figure may be off; three steps of training tell where rounding decided otherwise. */
const tolerances: Readonly<Record<string, number>> = {
  latents: 1e-4,
  codes: 0,
  pixels: 0,
  logits: 1e-4,
  ids: 0,
  tensors: 0,
  loss: 2e-3,
  weights: 1e-3,
};
const steps = 3;
let failed = false;

function report(isRight: boolean, text: string): void {
  failed ||= !isRight;
  console.log(`${isRight ? "right" : "WRONG"}  ${text}`);
}

const asked = process.argv.slice(2);
for (const kind of asked.length > 0 ? asked : modelKinds) {
  for (const backend of ["tensorflow", "onnx"]) {
    const figures = Object.entries(await compareWithCpu(kind, backend, steps));
    const isNear = figures.every(([name, difference]) => difference <= tolerances[name]!);
    const parts = figures.map(([name, difference]) => `${name} ${difference.toPrecision(2)}`);
    report(isNear, `${backend.padEnd(10)}  ${kind}: ${parts.join(", ")}`);
  }
}

await tf.setBackend("tensorflow");
const whole = await trainTransformer();
const begun = await trainTransformer(undefined, 4);
const resumed = await trainTransformer(begun.state);
const furthest = whole.weights.reduce((most, value, i) => Math.max(most, Math.abs(value - resumed.weights[i]!)), 0);
// TensorFlow's threads add in an order of their own choice.
report(
  furthest <= 1e-5,
  `tensorflow  stopped after 4 of 8 steps and resumed: weights off by ${furthest.toPrecision(2)}`,
);

process.exitCode = failed ? 1 : 0;

async function trainTransformer(resume?: Uint8Array, stopAfter?: number) {
  using model = TinyTransformer.create(
    { vocabularySize: 7, contextLength: 6, width: 16, heads: 2, layers: 2, dropout: 0.1 },
    { random: Random.fromSeed(1) },
  );
  const ids = Random.fromSeed(2);
  const rows = tokenExamples({ data: Int32Array.from({ length: 70 }, () => ids.integer(7)), count: 10, length: 7 });
  const examples = {
    count: rows.count,
    async batch(...context: Parameters<typeof rows.batch>) {
      const { data, count, length } = await rows.batch(...context);
      const part = (from: number) => ({
        data: Int32Array.from({ length: count * 6 }, (_, i) => data[Math.floor(i / 6) * length + (i % 6) + from]!),
        count,
        length: 6,
      });
      return { inputs: part(0), targets: part(1) };
    },
  };
  const controller = new AbortController();
  const { state } = await train({
    model,
    examples,
    batchSize: 5,
    steps: 8,
    schedule: constantSchedule(1e-2),
    random: Random.fromSeed(3),
    signal: controller.signal,
    observers: [{ onStep: ({ step }) => void (step === stopAfter && controller.abort()) }],
    ...(resume !== undefined && { resume }),
  });
  const weights = (await Promise.all([...model.parameters.values()].map((weight) => weight.data()))).flatMap(
    (values) => [...(values as Float32Array)],
  );
  return { state, weights };
}
