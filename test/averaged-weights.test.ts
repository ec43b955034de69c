import { type ImageBatch, Random } from "@mmgen/core";
import { constantSchedule, evaluateLoss, imageExamples, train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it, vi } from "vitest";

beforeAll(() => tf.setBackend("cpu"));

const side = 4;
const batchSize = 8;

/** Images of one soft spot each. */
function spots(count: number, seed: number): ImageBatch {
  const random = Random.fromSeed(seed);
  const data = new Uint8Array(count * side * side * 3);
  for (let image = 0; image < count; image++) {
    const [x, y, channel] = [random.integer(side), random.integer(side), random.integer(3)];
    for (let pixel = 0; pixel < side * side; pixel++) {
      const distance = Math.hypot((pixel % side) - x, Math.floor(pixel / side) - y);
      data[(image * side * side + pixel) * 3 + channel] = Math.max(0, 3 - Math.round(distance));
    }
  }
  return { data, count, height: side, width: side, channels: 3, maxValue: 3 };
}

const images = spots(32, 1);
const heldOut = imageExamples(spots(64, 2));

/** Every training batch some times more, without an optimizer. */
async function recalibrate(model: VqVae): Promise<void> {
  for (let pass = 0; pass < 60; pass++) {
    const indices = Int32Array.from({ length: batchSize }, (_, i) => (pass * batchSize + i) % images.count);
    const context = { epoch: 0, training: true, random: Random.fromSeed(pass) };
    const batch = await imageExamples(images).batch(indices, context);
    const loss = tf.tidy(() => {
      const { total, aux } = model.loss(batch, { training: true });
      model.afterStep(aux, Random.fromSeed(pass));
      return total;
    });
    await loss.data();
    loss.dispose();
  }
}

describe("weights averaged in training", () => {
  it("have batch statistics and an EMA codebook of their own", async () => {
    using model = VqVae.create(
      {
        ...{ imageSide: side, network: { hiddenChannels: 8, stages: 1, residualBlocks: 1 } },
        quantizer: { type: "vector", codebookSize: 16, codeDimension: 4, deadCodeThreshold: 0 },
      },
      { random: Random.fromSeed(2) },
    );
    const afterStep = vi.spyOn(model, "afterStep");
    const lossNow = async () => (await evaluateLoss({ model, examples: heldOut, batchSize: 64 })).loss!;
    const ownBuffers = new Map<string, tf.Tensor>();
    const { history } = await train({
      ...{ model, examples: imageExamples(images), batchSize, steps: 40, random: Random.fromSeed(3) },
      ...{ schedule: constantSchedule(5e-3), weightAverage: { decay: 0.99 } },
      evaluate: async () => ({ loss: await lossNow() }),
      observers: [
        {
          onStep: ({ step }) => {
            if (step === 40) {
              model.buffers.forEach((variable, name) => void ownBuffers.set(name, tf.clone<tf.Tensor>(variable)));
            }
          },
        },
      ],
    });
    // A quarter of the steps: one after each epoch of four but the last, and ten at the end.
    expect(afterStep).toHaveBeenCalledTimes(40 + 9 + 10);
    const averaged = await lossNow();
    expect(averaged).toBeCloseTo(history.epochs.at(-1)!.metrics.loss!, 6);
    await recalibrate(model);
    const recalibrated = await lossNow();
    for (const [name, variable] of model.buffers) {
      variable.assign(ownBuffers.get(name)!);
    }
    const withOwnBuffers = await lossNow();
    // Ten batches more for forty steps do nearly what sixty do.
    expect(averaged).toBeLessThan(1.01 * recalibrated);
    expect(averaged).toBeLessThan(0.98 * withOwnBuffers);
    expect(withOwnBuffers).toBeGreaterThan(1.02 * recalibrated);
    tf.dispose([...ownBuffers.values()]);
  });
});
