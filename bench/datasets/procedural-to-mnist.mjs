/**
 * Measures how well a small classifier trained on procedural digits only classifies MNIST's test digits.
 *
 *   npm run bench:procedural -- [images to train on, default 100000]
 *
 * Every training image is seen once. MNIST comes from MMGEN_DATA_DIR, the cache, or a download.
 */
import { Random } from "@mmgen/core";
import { proceduralDigits } from "@mmgen/datasets";
import { loadMnist } from "@mmgen/datasets/node";
import { SmallConvNet } from "./small-conv-net.mjs";

const count = Number(process.argv[2] ?? 100_000);
const batchSize = 64;
const { test, source } = await loadMnist({ onMessage: console.log });
const heldOut = proceduralDigits({ count: 2000, seed: 1, start: 2 ** 40 });

const began = performance.now();
const { images, labels } = proceduralDigits({ count, seed: 1 });
const drawn = performance.now();
console.log(`Drew ${count} procedural digits, ${Math.round((1000 * count) / (drawn - began))} a second.`);

const net = new SmallConvNet(Random.fromSeed(1));
const steps = Math.floor(count / batchSize);
let loss = 0;
for (let step = 0; step < steps; step++) {
  const start = step * batchSize;
  const learningRate = 0.001 * (1 + Math.cos((Math.PI * step) / steps));
  const batch = images.data.subarray(start * 784, (start + batchSize) * 784);
  loss += net.train(batch, labels.subarray(start, start + batchSize), learningRate);
  if ((step + 1) % 250 === 0) {
    console.log(`step ${step + 1} of ${steps}: mean loss ${(loss / 250).toFixed(4)} nats`);
    loss = 0;
  }
}
console.log(`Trained in ${Math.round((performance.now() - drawn) / 1000)} s.`);
report("procedural digits not trained on", heldOut);
report(`test digits of ${source}`, test);

function report(name, { images, labels }) {
  const confusion = Array.from({ length: 10 }, () => new Array(10).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const logits = net.logits(images.data.subarray(i * 784, (i + 1) * 784));
    confusion[labels[i]][logits.indexOf(Math.max(...logits))] += 1;
  }
  const right = confusion.reduce((sum, row, digit) => sum + row[digit], 0);
  console.log(`\nAccuracy on ${name}: ${(right / labels.length).toFixed(4)}. Rows are true digits, columns read ones:`);
  for (const [digit, row] of confusion.entries()) {
    const total = row.reduce((sum, n) => sum + n, 0);
    console.log(`${digit}  ${row.map((n) => String(n).padStart(4)).join(" ")}   ${(row[digit] / total).toFixed(3)}`);
  }
}
