import { readFileSync } from "node:fs";
import { Random, readSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VqVae } from "./vq-vae.js";

beforeAll(() => tf.setBackend("cpu"));

// Written before files had a kind, together with the codes and levels below: 6 gray images of 4×4 pixels.
const legacy = readFileSync(new URL("./legacy-vq-vae.fixture.safetensors", import.meta.url));
const data = Uint8Array.from({ length: 6 * 16 }, (_, i) => {
  const [image, row, column] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4];
  return (column + row * image) % 3 === 0 ? image % 4 : 3 - (image % 3);
});
const images = { data, count: 6, height: 4, width: 4, channels: 1, maxValue: 3 };
const codes = [
  [2, 2, 5, 4, 5, 4, 5, 4, 5, 4],
  [1, 2, 4, 5, 4, 6, 6, 7, 7, 5],
  [2, 1, 5, 5, 4, 7, 6, 5, 5, 5],
  [3, 3, 5, 4, 5, 4, 5, 4, 5, 4],
  [0, 2, 4, 5, 4, 6, 6, 7, 7, 5],
  [1, 1, 5, 4, 5, 4, 5, 4, 5, 4],
];

describe("a legacy file", () => {
  it("gives the same codes, and goes on in training", async () => {
    using model = VqVae.fromSafetensors(legacy);
    expect(model.config.network).toMatchObject({ hiddenChannels: 4, normalization: "batch" });
    expect(Array.from((await model.encode(images)).data)).toEqual(codes.flat());
    tf.tidy(() => {
      expect(model.loss(images, { training: true }).total.dataSync()[0]).toBeCloseTo(1.598332166671753, 5);
    });
    // Its codebooks count as initialized.
    const rows = model.buffers.get("quantizer.chunks.0.codebook")!.dataSync().slice();
    await model.initialize(images, Random.fromSeed(1));
    expect(model.buffers.get("quantizer.chunks.0.codebook")!.dataSync()).toEqual(rows);
  });

  it("is written anew with today's header and names", async () => {
    using model = VqVae.fromSafetensors(legacy);
    const bytes = await model.toSafetensors({ run: "r1" });
    const { metadata, tensors } = readSafetensors(bytes);
    expect(metadata).toMatchObject({ kind: "mmgen.vqvae", version: "1", run: "r1" });
    expect([...tensors.keys()]).toContain("quantizer.chunks.1.initialized");
    using again = VqVae.fromSafetensors(bytes);
    expect(again.run).toBe("r1");
    expect(await again.encode(images)).toEqual(await model.encode(images));
    expect(await again.toSafetensors()).toEqual(bytes);
  });
});
