import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import { Random } from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { presets, sampledAs } from "./config.js";
import { newAdversary, newTokenizer } from "./generate.js";

beforeAll(() => tf.setBackend("cpu"));
afterAll(() => expect(tf.memory().numTensors).toBe(0));

it("compares images by a classifier's layers, or lets the decoder alone learn by the discriminator's", () => {
  const { smoke } = presets;
  const images = { data: new Uint8Array(2 * 192), count: 2, height: 8, width: 8, channels: 3, maxValue: 255 };
  const random = Random.fromSeed(1);
  using tokenizer = newTokenizer(smoke, images, random);
  using classifier = AttributeClassifier.create(
    { attributes: [{ name: "hat", classes: 2 }], trunk: "image", height: 8, width: 8, maxValue: 255 },
    { random },
  );
  using compared = newAdversary(tokenizer, smoke.adversarial, { classifier, random });
  expect(compared.config).toMatchObject({
    learns: "all",
    perceptual: { features: "own", weight: 10 },
    weighting: { type: "constant", weight: 0.04 },
  });
  using alone = newAdversary(tokenizer, smoke.adversarial, { classifier: undefined, random });
  expect(alone.config).toMatchObject({
    learns: "decoder",
    perceptual: { features: "discriminator", weight: 1 },
    weighting: { type: "adaptive" },
  });
  expect(alone.parameters.size).toBeLessThan(compared.parameters.size);
  expect([...alone.parameters.keys()].every((name) => name.startsWith("decoder."))).toBe(true);
});

it("draws at a temperature that was typed by every sampler", () => {
  const { sampling } = presets.quick;
  expect(sampledAs(sampling, {})).toEqual(sampling);
  const { masks, temperature, topP } = sampledAs(sampling, { temperature: 0.5, topP: 0.9 });
  expect([temperature, masks.temperature, topP]).toEqual([0.5, 0.5, 0.9]);
});
