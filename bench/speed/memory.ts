import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { transformerStep } from "./workloads.js";

/** Runs ten thousand training steps of a small transformer and prints the memory in use: `npm run bench:memory`. */
registerOnnxBackend({ intraOpNumThreads: 2 });
await tf.setBackend("onnx");
const backend = tf.backend() as OnnxBackend;
const work = transformerStep({
  batch: 8,
  length: 16,
  vocabularySize: 50,
  width: 32,
  heads: 2,
  layers: 2,
  dropout: 0.1,
});
console.log(["step", "tensors", "their MiB", "sessions", "process MiB"].map((name) => name.padStart(12)).join(""));
for (let step = 1; step <= 10_000; step++) {
  await work.run();
  if (step === 10 || step % 1000 === 0) {
    globalThis.gc?.();
    const { residentBytes } = backend.memory();
    const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
    const cells = [
      step,
      tf.memory().numTensors,
      mebibytes(residentBytes),
      backend.sessions().sessions,
      mebibytes(process.memoryUsage().rss),
    ];
    console.log(cells.map((cell) => String(cell).padStart(12)).join(""));
  }
}
work.dispose();
