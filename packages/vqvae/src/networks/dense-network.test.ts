import "@mmgen/nn/gradients";
import { type ImageBatch, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VqVae, type VqVaeOptions, vqVaePresets } from "../index.js";
import { reconstructionMetrics } from "../model/reconstruction.fixture.js";
import { trainSteps } from "../model/train-steps.fixture.js";

beforeAll(() => tf.setBackend("cpu"));

/** The mnist-vlm autoencoder on images of 6×6 pixels, with fewer units. */
const small = {
  ...vqVaePresets["mnist-vlm"],
  imageSide: 6,
  network: { ...vqVaePresets["mnist-vlm"].network, hidden: [16] },
  quantizer: { ...vqVaePresets["mnist-vlm"].quantizer, chunks: 3, codebookSize: 5 },
} as const satisfies VqVaeOptions;
const create = (options: VqVaeOptions = small) => VqVae.create(options, { random: Random.fromSeed(1) });

/** A bright bar at one of six columns, of one of three brightnesses. */
function bars(count: number, { channels = 1, side = 6 } = {}): ImageBatch {
  const data = Uint8Array.from({ length: count * side * side * channels }, (_, i) => {
    const [image, column] = [Math.floor(i / (side * side * channels)), Math.floor(i / channels) % side];
    return column === image % side ? 255 - 60 * (image % 3) : 20;
  });
  return { data, count, height: side, width: side, channels, maxValue: 255 };
}

/** Weights · x + bias in plain arithmetic. */
function linearPlainly(model: VqVae, name: string, x: readonly number[]): number[] {
  const weight = model.parameters.get(`${name}.weight`)!;
  const [values, bias] = [weight.dataSync(), model.parameters.get(`${name}.bias`)!.dataSync()];
  return Array.from({ length: weight.shape[0]! }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * values[row * x.length + i]!, bias[row]!),
  );
}
const rectified = (x: readonly number[]) => x.map((value) => Math.max(0, value));

describe("a dense network", () => {
  it("computes mnist-vlm's autoencoder, from pixels in [0, 1] to letters and back", async () => {
    using model = create();
    const images = bars(4);
    await model.initialize(bars(12), Random.fromSeed(2));
    const latents = await model.latents(images);
    const codes = await model.encode(images);
    const decoded = await model.decode(codes);
    expect(latents).toMatchObject({ count: 4, height: 1, width: 1, dimension: 12 });
    expect(codes).toMatchObject({ count: 4, height: 1, width: 3 });
    const rows = model.parameters.get("quantizer.codebook")!.arraySync() as number[][];
    for (let image = 0; image < 4; image++) {
      const pixels = Array.from(images.data.subarray(image * 36, (image + 1) * 36), (level) => level / 255);
      const z = rectified(linearPlainly(model, "encoder.1", rectified(linearPlainly(model, "encoder.0", pixels))));
      z.forEach((value, i) => {
        expect(latents.data[image * 12 + i]).toBeCloseTo(value, 5);
      });
      const letters = [0, 1, 2].map((chunk) => {
        const distances = rows.map((row) => row.reduce((sum, e, axis) => sum + (z[chunk * 4 + axis]! - e) ** 2, 0));
        return distances.indexOf(Math.min(...distances));
      });
      expect([...codes.data.subarray(image * 3, image * 3 + 3)]).toEqual(letters);
      const q = letters.flatMap((letter) => rows[letter]!);
      const logits = linearPlainly(model, "decoder.1", rectified(linearPlainly(model, "decoder.0", q)));
      logits.forEach((logit, i) => {
        // A level is 1/255 of the range: rounding may fall to either side where the plain sum ends near a half.
        expect(Math.abs(decoded.data[image * 36 + i]! - 255 / (1 + Math.exp(-logit)))).toBeLessThan(0.51);
      });
    }
  });

  it("has the published network's shapes in its preset", () => {
    using model = create(vqVaePresets["mnist-vlm"]);
    expect(model.codeGrid).toEqual({ height: 1, width: 8 });
    expect(model.codebookSize).toBe(26);
    expect(Object.fromEntries([...model.parameters].map(([name, { shape }]) => [name, shape]))).toEqual({
      "encoder.0.weight": [128, 784],
      "encoder.0.bias": [128],
      "encoder.1.weight": [32, 128],
      "encoder.1.bias": [32],
      "decoder.0.weight": [128, 32],
      "decoder.0.bias": [128],
      "decoder.1.weight": [784, 128],
      "decoder.1.bias": [784],
      "quantizer.codebook": [26, 4],
    });
  });

  it("takes any side, channels, widths, latent vectors and heads", async () => {
    for (const { head, maxValue } of [
      { head: "regression", maxValue: 255 },
      { head: "categorical", maxValue: 3 },
    ] as const) {
      using model = create({
        imageSide: 5,
        channels: 3,
        maxValue,
        head,
        network: { type: "dense", hidden: [12, 8], latentVectors: 3 },
        quantizer: { codebookSize: 7, codeDimension: 2 },
      });
      const images = { ...bars(3, { channels: 3, side: 5 }), maxValue };
      const levels = { ...images, data: images.data.map((level) => Math.min(level, maxValue)) };
      expect(model.codeGrid).toEqual({ height: 1, width: 3 });
      expect((await model.reconstruct(levels)).data.length).toBe(images.data.length);
    }
    using plain = create({ ...small, network: { type: "dense", hidden: [] } });
    expect([...plain.parameters.keys()].filter((name) => name.startsWith("encoder"))).toEqual([
      "encoder.0.weight",
      "encoder.0.bias",
    ]);
  });

  it("learns, gives every variable a gradient, and leaves no tensor behind", async () => {
    const images = bars(12);
    const before = tf.memory().numTensors;
    {
      using model = create();
      const held = tf.memory().numTensors;
      tf.tidy(() => {
        const loss = () => model.loss(images, { training: true }).total;
        const { grads } = tf.variableGrads(loss, [...model.parameters.values()]);
        for (const [name, variable] of model.parameters) {
          expect(grads[variable.name]?.shape, name).toEqual(variable.shape);
        }
      });
      const untrained = reconstructionMetrics(images, await model.reconstruct(images)).meanSquaredError;
      await trainSteps(model, images, 60);
      const trained = reconstructionMetrics(images, await model.reconstruct(images)).meanSquaredError;
      expect(trained).toBeLessThan(0.5 * untrained);
      // The head's loss is the metric itself, but for the rounding to levels.
      const { total, metrics, aux } = model.loss(images, { training: false });
      expect(metrics.reconstruction!.dataSync()[0]).toBeCloseTo(trained, 4);
      tf.dispose([total, metrics, aux]);
      await model.latents(images);
      using loaded = VqVae.fromSafetensors(await model.toSafetensors());
      expect(await loaded.encode(images)).toEqual(await model.encode(images));
      expect(await loaded.reconstruct(images)).toEqual(await model.reconstruct(images));
      loaded.dispose();
      expect(tf.memory().numTensors).toBe(held);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("codes figure and ground too", async () => {
    using model = create({ ...small, head: "sigmoid", composition: { type: "figure-ground" } });
    const images = bars(6);
    expect(model.codeGrid).toEqual({ height: 1, width: 5 });
    const { data } = await model.reconstruct(images);
    // One palette of four grays: the untrained model paints with nothing but the two nearest to bar and ground.
    const paletteOf = (level: number) => Math.round(level / 85) * 85;
    for (let i = 0; i < data.length; i++) {
      const bar = 255 - 60 * (Math.floor(i / 36) % 3);
      expect(data[i]).toBeGreaterThanOrEqual(0);
      expect(data[i]).toBeLessThanOrEqual(paletteOf(bar));
    }
  });
});
