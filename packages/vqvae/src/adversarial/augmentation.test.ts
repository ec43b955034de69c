import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import { normal } from "@mmgen/nn/layers";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { type AugmentationName, augmentationNames, drawAugmentation } from "./augmentation.js";

beforeAll(() => tf.setBackend("cpu"));

const shape: [number, number, number, number] = [3, 6, 16, 3];
const images = () => normal(shape, { random: Random.fromSeed(1) }) as tf.Tensor4D;
const draw = (names: readonly AugmentationName[], seed: number) =>
  drawAugmentation(names, shape, Random.fromSeed(seed));
const valuesOf = (x: tf.Tensor4D) => x.arraySync();

describe("drawAugmentation", () => {
  it("moves each image by up to an eighth of its sides, zeros coming in", () => {
    const before = valuesOf(images());
    const seen = new Set<string>();
    for (let seed = 0; seed < 12; seed++) {
      const after = valuesOf(draw(["translation"], seed)(images()));
      before.forEach((image, i) => {
        const moves = [-1, 0, 1].flatMap((dy) => [-2, -1, 0, 1, 2].map((dx) => [dy, dx] as const));
        const found = moves.filter(([dy, dx]) =>
          after[i]!.every((row, y) =>
            row.every((pixel, x) => pixel.every((value, c) => value === (image[y - dy]?.[x - dx]?.[c] ?? 0))),
          ),
        );
        expect(found).toHaveLength(1);
        seen.add(`${found[0]}`);
      });
    }
    // 36 draws of 15 moves.
    expect(seen.size).toBeGreaterThan(9);
  });

  it("cuts a rectangle of half the sides, centered anywhere in the image", () => {
    const sizes = new Set<string>();
    for (let seed = 0; seed < 12; seed++) {
      for (const image of valuesOf(draw(["cutout"], seed)(tf.ones(shape)))) {
        const rows = image.filter((row) => row.some(([value]) => value === 0));
        const widths = rows.map((row) => row.filter(([value]) => value === 0).length);
        expect(new Set(widths).size).toBe(1);
        sizes.add(`${rows.length} ${widths[0]}`);
        expect(rows.length).toBeGreaterThan(0);
        expect(rows.length).toBeLessThanOrEqual(3);
        expect(widths[0]).toBeLessThanOrEqual(8);
        expect(widths[0]).toBeGreaterThanOrEqual(4);
      }
    }
    expect(sizes.has("3 8")).toBe(true);
    expect(sizes.size).toBeGreaterThan(3);
  });

  it("changes brightness, saturation and contrast of each image by its own amounts", () => {
    const x = images();
    const after = draw(["color"], 3)(x);
    // Within an image the change is linear: (x − gray) · s · c, (gray − mean) · c, mean + b.
    const parts = (image: tf.Tensor4D) => {
      const gray = tf.mean(image, 3, true);
      const mean = tf.mean(image, [1, 2, 3], true);
      return [tf.sub(image, gray), tf.sub(gray, mean), mean].map((part) => part.arraySync() as number[][][][]);
    };
    const [color, light, mean] = parts(x);
    const [color2, light2, mean2] = parts(after);
    const factors = [0, 1, 2].map((i) => {
      const contrast = light2![i]![2]![3]![0]! / light![i]![2]![3]![0]!;
      const saturation = color2![i]![2]![3]![1]! / color![i]![2]![3]![1]! / contrast;
      expect(light2![i]![4]![9]![0]! / light![i]![4]![9]![0]!).toBeCloseTo(contrast, 3);
      expect(color2![i]![5]![9]![2]! / color![i]![5]![9]![2]! / contrast).toBeCloseTo(saturation, 3);
      const brightness = mean2![i]![0]![0]![0]! - mean![i]![0]![0]![0]!;
      expect(Math.abs(brightness)).toBeLessThanOrEqual(0.5);
      expect(contrast >= 0.5 && contrast <= 1.5 && saturation >= 0 && saturation <= 2).toBe(true);
      return [contrast, saturation, brightness].map((value) => value.toFixed(3));
    });
    expect(new Set(factors.flat()).size).toBe(9);
  });

  it("is the same for all that it is applied to, and for the same seed", () => {
    const change = draw(augmentationNames, 5);
    expect(valuesOf(change(images()))).toEqual(valuesOf(change(images())));
    expect(valuesOf(draw(["cutout", "translation", "color"], 5)(images()))).toEqual(valuesOf(change(images())));
    expect(valuesOf(draw(augmentationNames, 6)(images()))).not.toEqual(valuesOf(change(images())));
    const x = images();
    expect(draw([], 1)(x)).toBe(x);
  });

  it("leaves its draws to the surrounding tidy", () => {
    const x = images();
    const before = tf.memory().numTensors;
    const changed = tf.tidy(() => draw(augmentationNames, 5)(x));
    expect(tf.memory().numTensors - before).toBe(1);
    tf.dispose([changed, x]);
  });

  it("has the gradient of a linear change: ⟨A(x) − A(0), y⟩ = ⟨x, Aᵀy⟩", () => {
    const y = normal(shape, { random: Random.fromSeed(9) });
    for (const names of [["translation"], ["cutout"], ["color"], augmentationNames] as const) {
      const change = draw(names, 7);
      const x = images();
      const along = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(a, b)).dataSync()[0]!;
      const gradient = tf.grad((x) => tf.sum(tf.mul(change(x as tf.Tensor4D), y)))(x);
      const difference = along(tf.sub(change(x), change(tf.zeros(shape))), y);
      // float32 sums of 864 products.
      expect(along(x, gradient)).toBeCloseTo(difference, 3);
      expect(Math.abs(difference)).toBeGreaterThan(0.1);
    }
  });
});
