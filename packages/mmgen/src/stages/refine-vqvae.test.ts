import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, fingerprint, type ImageBatch, Random } from "@mmgen/core";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { expectAborted, memoryStore, stopAfter } from "../model/tiny-training.fixture.js";
import { vqVaeMetrics } from "./evaluation-metrics.js";
import { type RefineVqVaeOptions, refineVqVae } from "./refine-vqvae.js";
import { evaluateVqVae } from "./train-vqvae.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** Gray images of 16×16 pixels, every second with a dot of 2×2 pixels. */
const images: ImageBatch = {
  data: Uint8Array.from({ length: 16 * 16 * 16 }, (_, i) => {
    const [image, y, x] = [i >> 8, (i >> 4) & 15, i & 15];
    return image % 2 && y >> 1 === 3 && x >> 1 === 4 ? 255 : 96 + image;
  }),
  ...{ count: 16, height: 16, width: 16, channels: 1, maxValue: 255 },
};
const captions = Array.from({ length: 16 }, (_, i) => (i % 2 ? "a dot" : "plain"));

function codec(more: VqVaeOptions = {}): VqVae {
  const network = { levels: [4, 4], levelBlocks: 0, residualBlocks: 0, normalization: "group" } as const;
  const options = { imageSide: 16, channels: 1, maxValue: 255, network, quantizer: { codebookSize: 4 }, ...more };
  return VqVae.create(options, { random: Random.fromSeed(1) });
}

const training = { steps: 12, batchSize: 4, learningRate: 3e-3, classifierSteps: 6, discriminatorChannels: 4 };
const options = { images, captions, training, seed: 1 };
const weightsOf = async (vqvae: VqVae) => fingerprint([await vqvae.toSafetensors()]);

describe("refineVqVae", () => {
  it("brings reconstructions nearer to the originals, as a classifier of the captions sees them", async () => {
    using vqvae = codec();
    const history = await refineVqVae({ ...options, vqvae, heldOut: images });
    const distances = history!.steps.map(({ metrics }) => metrics.perceptual!);
    expect(Math.min(...distances.slice(-4))).toBeLessThan(Math.min(...distances.slice(0, 4)));
    expect(history!.epochs[0]!.metrics).toHaveProperty("heldOutLoss");
  });

  it("goes on bit for bit where it was stopped, in either training, and leaves no tensor behind", async () => {
    using whole = codec();
    await refineVqVae({ ...options, vqvae: whole });
    const before = tf.memory().numTensors;
    using stopped = codec();
    const own = tf.memory().numTensors - before;
    const store = memoryStore();
    const stage: RefineVqVaeOptions["stage"] = (name) => ({
      checkpoint: { read: async () => store.read(name), write: (state) => store.write(name, state) },
    });
    for (const steps of [3, 5]) {
      const { observers, signal } = stopAfter(steps);
      const again = codec();
      await expectAborted(
        refineVqVae({ ...options, vqvae: again, signal, stage: (name) => ({ ...stage(name), observers }) }),
      );
      again.dispose();
    }
    expect([...store.files.keys()]).toEqual(["captionClassifier", "refinement"]);
    await refineVqVae({ ...options, vqvae: stopped, stage });
    expect(await weightsOf(stopped)).toBe(await weightsOf(whole));
    expect(tf.memory().numTensors - before).toBe(own);
  });

  it("stops early by the held-out loss, with the weights of the best evaluation", async () => {
    using vqvae = codec();
    // No later evaluation is that much better than the first.
    const earlyStopping = { patience: 1, minImprovement: 1e6 };
    const history = await refineVqVae({ ...options, vqvae, heldOut: images, training: { ...training, earlyStopping } });
    expect(history!.epochs.map(({ epoch }) => epoch)).toEqual([0, 1]);
    expect(Object.keys(history!.epochs[1]!.metrics)).toEqual([...vqVaeMetrics]);
    expect(await evaluateVqVae(vqvae, images, { batchSize: 4, signal: undefined })).toEqual(
      history!.epochs[0]!.metrics,
    );
  });

  it("leaves the codec as it is where nothing is said of its images", async () => {
    using vqvae = codec();
    const before = await weightsOf(vqvae);
    expect(await refineVqVae({ ...options, vqvae, captions: undefined })).toBeUndefined();
    expect(await refineVqVae({ ...options, vqvae, captions: captions.map(() => "a dot") })).toBeUndefined();
    expect(await weightsOf(vqvae)).toBe(before);
  });

  it("refuses settings that cannot be and a codec of classes of levels", async () => {
    using vqvae = codec();
    const refused = (more: object) => refineVqVae({ ...options, vqvae, ...more });
    for (const [more, message] of [
      [{ training: { ...training, classifierSteps: 0 } }, /training\.classifierSteps: expected .* got 0/],
      [{ training: { ...training, stepz: 1 } }, /stepz.*steps/],
      [{ image: images }, /image.*images/],
    ] as const) {
      const error: unknown = await refused(more).catch((reason) => reason);
      expect(ConfigError.isInstance(error), String(error)).toBe(true);
      expect((error as Error).message).toMatch(message);
    }
    using categorical = codec({ head: "categorical", maxValue: 15 });
    await expect(refineVqVae({ ...options, vqvae: categorical })).rejects.toThrow(/"regression"/);
  });
});
