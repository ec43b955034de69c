import { useOnnx } from "@mmgen/backend-onnx";
import { AbortedError, type CodeBatch, ConfigError, type ImageBatch, Random, ShapeError } from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judgeCompletions } from "./judge-completions.js";

beforeAll(() => useOnnx());
afterAll(() => expect(tf.memory().numTensors).toBe(0));

/** Images of two codes, an upper and a lower one, dark or bright, both alike. */
function alike(count: number, seed: number): CodeBatch {
  const random = Random.fromSeed(seed);
  const shades = Array.from({ length: count }, () => random.integer(2));
  return { data: Int32Array.from(shades.flatMap((code) => [code, code])), count, height: 2, width: 1 };
}

/** Each code as 4 × 8 pixels of its brightness. */
async function decode({ count, data }: CodeBatch): Promise<ImageBatch> {
  const levels = Uint8Array.from({ length: count * 64 }, (_, i) => 50 + 150 * data[Math.floor(i / 32)]!);
  return { data: levels, count, height: 8, width: 8, channels: 1, maxValue: 255 };
}

const codes = { train: alike(200, 1), test: alike(120, 2) };
const options = { codes, decode, kept: 1, steps: 80, seed: 1 };

describe("judgeCompletions", () => {
  it("tells ends that do not fit from those that do", { timeout: 60_000 }, async () => {
    // What never fits is told always; what is as it was, by no one.
    const wrong = { ...codes.test, data: codes.test.data.map((code, i) => (i % 2 === 0 ? code : 1 - code)) };
    const { byName, control } = await judgeCompletions({ ...options, completed: { wrong, right: codes.test } });
    expect(byName.wrong).toBeGreaterThan(0.95);
    // Of 120 images, by chance: 0.5 and four standard deviations of 0.046, the better of two.
    expect(byName.right).toBeLessThan(0.7);
    // Half of the ends of other images fit, as dark and bright are equally many.
    expect(control).toBeGreaterThan(0.65);
    expect(control).toBeLessThan(0.85);
  });

  it("begins with the convolutions of a classifier, and asks about mirror images too", {
    timeout: 60_000,
  }, async () => {
    const random = Random.fromSeed(3);
    const attributes = [{ name: "shade", classes: 2 }];
    const form = { attributes, height: 8, width: 8, channels: 1, maxValue: 255, trunk: "image" } as const;
    using convolutionsOf = AttributeClassifier.create({ ...form, hiddenChannels: [8, 16] }, { random });
    const wrong = { ...codes.test, data: codes.test.data.map((code, i) => (i % 2 === 0 ? code : 1 - code)) };
    const { byName } = await judgeCompletions({ ...options, convolutionsOf, mirrored: true, completed: { wrong } });
    expect(byName.wrong).toBeGreaterThan(0.95);
    using digits = AttributeClassifier.create({ ...form, trunk: "digits" }, { random });
    const given = { ...options, completed: { wrong }, convolutionsOf: digits };
    await expect(judgeCompletions(given)).rejects.toThrow("convolutionsOf: expected a classifier of trunk");
  });

  it("refuses what does not go together, and stops when it is told to", async () => {
    const completed = { right: codes.test };
    await expect(judgeCompletions({ ...options, completed, kept: 2 })).rejects.toThrow(ShapeError);
    await expect(judgeCompletions({ ...options, completed: { right: alike(3, 1) }, steps: 1 })).rejects.toThrow(
      ShapeError,
    );
    await expect(judgeCompletions({ ...options, completed, stepps: 3 } as never)).rejects.toThrow(ConfigError);
    const signal = AbortSignal.abort();
    await expect(judgeCompletions({ ...options, completed, signal })).rejects.toSatisfy(
      AbortedError.isInstance.bind(AbortedError),
    );
  });
});
