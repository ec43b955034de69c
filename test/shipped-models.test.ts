import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import type { ImageBatch } from "@mmgen/core";
import { palette, proceduralDigits } from "@mmgen/datasets";
import * as tf from "@tensorflow/tfjs-core";
import { loadFrom } from "mmgen/node";
import { beforeAll, describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../apps/playground/models/", import.meta.url));
// Checks the files against the manifest, without which the page does not load them.
const load = (name: string) => loadFrom(`${folder}${name}`);

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

describe.each(["digits", "avatars"])("the model of %s that the page ships", (name) => {
  it("takes less than 3 MB, its license and what it is beside it", () => {
    const files = readdirSync(`${folder}${name}`);
    const size = files.reduce((sum, file) => sum + statSync(`${folder}${name}/${file}`).size, 0);
    expect(size).toBeLessThan(3e6);
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "samples.png", "model-manifest.json"]));
  });

  it("draws, captions and invents", async () => {
    using model = await load(name);
    const { captions, images } = await model.invent({ count: 2, seed: 1 });
    expect([captions.length, images.count]).toEqual([2, 2]);
    expect(await model.caption(await model.draw(captions, { seed: 1 }))).toHaveLength(2);
  });
});

/** Red, green and blue of a pixel. */
function colorAt({ data, height, width }: ImageBatch, image: number, [x, y]: readonly [number, number]): number[] {
  const at = 3 * ((image * height + y) * width + x);
  return [...data.subarray(at, at + 3)];
}

describe("the model of digits that the page ships", () => {
  it("draws the digit that a caption names, in its colors", async () => {
    using model = await load("digits");
    const digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const captions = digits.flatMap((digit) => [`red ${digit} on white`, `bright yellow ${digit} on dark blue`]);
    const images = await model.draw(captions, { seed: 4 });
    const rgb = (name: string) => [...palette.find((color) => color.name === name)!.rgb];
    const known = proceduralDigits({ count: 2000, seed: 7 });
    const inkOf = ({ data, maxValue }: ImageBatch, i: number) =>
      Array.from(data.subarray(i * 784, (i + 1) * 784), (level) => 2 * level >= maxValue);
    const inks = Array.from({ length: known.images.count }, (_, i) => inkOf(known.images, i));
    let right = 0;
    for (const [i] of captions.entries()) {
      const [figure, ground] = i % 2 === 0 ? ["normal red", "plain white"] : ["bright yellow", "dark blue"];
      expect(colorAt(images, i, [0, 0])).toEqual(rgb(ground!));
      const ink = Array.from({ length: 784 }, (_, pixel) => {
        const color = colorAt(images, i, [pixel % 28, Math.floor(pixel / 28)]).join();
        return color === rgb(figure!).join();
      });
      // The digit of the training's kind that differs in the fewest pixels.
      const differences = inks.map((other) => other.reduce((sum, has, at) => sum + Number(has !== ink[at]), 0));
      const nearest = differences.indexOf(Math.min(...differences));
      right += Number(known.labels[nearest] === Math.floor(i / 2));
    }
    expect(right).toBeGreaterThanOrEqual(18);
  });
});

describe("the model of avatars that the page ships", () => {
  it("draws portraits on the background that a caption names", async () => {
    using model = await load("avatars");
    const grounds = { pink: [255, 166, 201], green: [159, 224, 163], blue: [159, 208, 255], orange: [255, 184, 112] };
    const captions = Object.keys(grounds).map(
      (ground) => `a smiling tan person with long brown hair in a white shirt on ${ground}`,
    );
    const images = await model.draw(captions, { seed: 1 });
    const nearest = captions.map((_, i) => {
      const corner = colorAt(images, i, [1, 1]);
      const distance = (color: readonly number[]) => Math.hypot(...color.map((level, at) => level - corner[at]!));
      return Object.entries(grounds).sort(([, a], [, b]) => distance(a) - distance(b))[0]![0];
    });
    expect(nearest).toEqual(Object.keys(grounds));
  });
});
