import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { trainingCurves } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { type TransformerStep, transformerStep } from "./workloads.js";

/** Measures how the training step of a transformer grows with each of its sizes: `npm run bench:growth -- [plot.png]`. */
const base: TransformerStep = {
  batch: 64,
  length: 32,
  vocabularySize: 170,
  width: 128,
  heads: 4,
  layers: 4,
  dropout: 0,
};
const sizes = {
  batch: [16, 32, 64, 128, 256],
  length: [16, 32, 64, 128],
  width: [64, 128, 256, 512],
  layers: [2, 4, 8, 16],
} as const;

registerOnnxBackend({ intraOpNumThreads: 2 });
await tf.setBackend("onnx");
const rate = await matMulRate();
console.log(`matrix product of 1024³: ${rate.toFixed(0)} GFLOP/s`);
console.log(["size", "ms", "GFLOP", "share of it"].map((name) => name.padStart(12)).join(""));
const panels = [];
for (const [name, values] of Object.entries(sizes)) {
  const measured: number[] = [];
  const arithmetic: number[] = [];
  for (const value of values) {
    const step = { ...base, [name]: value };
    const ms = await median(step);
    const gigaFlop = flops(step) / 1e9;
    measured.push(ms);
    arithmetic.push((gigaFlop / rate) * 1e3);
    const share = `${((100 * gigaFlop) / (ms / 1e3) / rate).toFixed(0)} %`;
    console.log(
      [`${name} ${value}`, ms.toFixed(1), gigaFlop.toFixed(1), share].map((cell) => cell.padStart(12)).join(""),
    );
  }
  panels.push({
    title: `Step time by ${name}`,
    yLabel: "ms",
    xLabel: name,
    fromZero: true,
    series: [
      { label: "measured", style: "points" as const, x: [...values], y: measured },
      { label: "arithmetic alone", style: "points" as const, x: [...values], y: arithmetic },
    ],
  });
}
const file = process.argv[2];
if (file !== undefined) {
  const title = "A transformer's training step on @mmgen/backend-onnx";
  await writePng(file, await trainingCurves({ title, panels }));
  console.log(`plot: ${file}`);
}

/** Multiplications and additions of a training step: forward once, backward twice. */
function flops({ batch, length, vocabularySize, width, layers }: TransformerStep): number {
  const products = layers * 12 * width ** 2 + width * vocabularySize;
  const scores = layers * 2 * length * width;
  return 3 * 2 * batch * length * (products + scores);
}

async function median(step: TransformerStep): Promise<number> {
  const work = transformerStep(step);
  const times: number[] = [];
  for (let i = 0; i < 10; i++) {
    const start = performance.now();
    await work.run();
    times.push(performance.now() - start);
  }
  work.dispose();
  // The first three compile and warm up.
  return times.slice(3).sort((a, b) => a - b)[3]!;
}

async function matMulRate(): Promise<number> {
  const size = 1024;
  const [a, b] = [tf.randomUniform([size, size]), tf.randomUniform([size, size])];
  const times: number[] = [];
  for (let i = 0; i < 12; i++) {
    await tf.nextFrame();
    const start = performance.now();
    const product = tf.matMul(a, b);
    product.dataSync();
    product.dispose();
    times.push(performance.now() - start);
  }
  tf.dispose([a, b]);
  return (2 * size ** 3) / 1e6 / Math.min(...times);
}
