import {
  AbortedError,
  ConfigError,
  gatherImages,
  type ImageBatch,
  mirrorImages,
  ShapeError,
  sliceImages,
} from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { copyCheck } from "./copy-check.js";
import { imageRows } from "./image-rows.js";
import { nearestImages } from "./nearest-images.js";
import { batchOf, bytes } from "./numbers.fixture.js";

const among = batchOf(bytes(300 * 48, 7), [300, 4, 4, 3]);
const images = batchOf(bytes(20 * 48, 8), [20, 4, 4, 3]);

function distance(a: ImageBatch, i: number, b: ImageBatch, j: number): number {
  let sum = 0;
  for (let k = 0; k < 48; k++) {
    sum += ((a.data[i * 48 + k]! - b.data[j * 48 + k]!) / 255) ** 2;
  }
  return sum / 48;
}

describe("nearestImages", () => {
  it("finds what comparing all pairs finds, over several blocks, and leaves no tensor", async () => {
    const before = tf.memory().numTensors;
    const { distances, indices, mirrored } = await nearestImages({ images, among });
    for (let i = 0; i < images.count; i++) {
      const all = Array.from({ length: among.count }, (_, j) => distance(images, i, among, j));
      expect(indices[i]).toBe(all.indexOf(Math.min(...all)));
      expect(distances[i]).toBeCloseTo(Math.min(...all), 6);
      expect(mirrored[i]).toBe(0);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("finds the same for more images than one matrix product takes", async () => {
    const many = batchOf(bytes(1030 * 48, 12), [1030, 4, 4, 3]);
    const { distances, indices } = await nearestImages({ images: many, among });
    const last = await nearestImages({ images: sliceImages(many, 1020, 1030), among });
    expect(distances.slice(1020)).toEqual(last.distances);
    expect(indices.slice(1020)).toEqual(last.indices);
  });

  it("finds an exact copy at distance 0, also of a mirror image where these are asked for", async () => {
    const copies = gatherImages(among, [299, 3]);
    expect(await nearestImages({ images: copies, among })).toEqual({
      distances: new Float64Array(2),
      indices: Int32Array.of(299, 3),
      mirrored: new Uint8Array(2),
    });
    const mirrors = mirrorImages(copies);
    const found = await nearestImages({ images: mirrors, among, mirrored: true });
    expect([...found.distances]).toEqual([0, 0]);
    expect([...found.indices]).toEqual([299, 3]);
    expect([...found.mirrored]).toEqual([1, 1]);
    const { distances } = await nearestImages({ images: mirrors, among });
    expect(Math.min(...distances)).toBeGreaterThan(0.01);
  });

  it("compares with what reconstruct makes of the others, mirrored before it", async () => {
    const seen: ImageBatch[] = [];
    const reconstruct = async (batch: ImageBatch) => {
      seen.push(batch);
      return { ...batch, data: batch.data.map((level) => 255 - level) };
    };
    const negative = { ...among, data: among.data.map((level) => 255 - level) };
    const copies = mirrorImages(gatherImages(negative, [5]));
    const found = await nearestImages({ images: copies, among, mirrored: true, reconstruct });
    expect([found.distances[0], found.indices[0], found.mirrored[0]]).toEqual([0, 5, 1]);
    expect(seen.map(({ count }) => count)).toEqual([256, 256, 44, 44]);
    expect(seen[1]!.data).toEqual(mirrorImages(seen[0]!).data);
  });

  it("compares means of a grid of cells, of any side", () => {
    const wide = batchOf(bytes(16 * 12 * 3, 9), [1, 16, 12, 3]);
    const { data, dimension } = imageRows(wide, "means");
    expect(dimension).toBe(192);
    // The second cell of the first row has the pixels 1.5 to 3 of two rows: half of pixel 1, and pixel 2.
    const at = (y: number, x: number) => wide.data[(y * 12 + x) * 3]! / 255;
    const mean = (0.5 * (at(0, 1) + at(1, 1)) + at(0, 2) + at(1, 2)) / 3;
    expect(data[3]).toBeCloseTo(mean - 0.5, 6);
    const constant = imageRows(batchOf(new Uint8Array(49).fill(51), [1, 7, 7, 1]), "means");
    expect(constant.data.every((value) => Math.abs(value + 0.3) < 1e-6)).toBe(true);
    const three = batchOf(bytes(3 * 9 * 8 * 3, 13), [3, 9, 8, 3]);
    const last = imageRows(sliceImages(three, 2, 3), "means");
    expect(imageRows(three, "means").data.subarray(2 * 192)).toEqual(last.data);
  });

  it("refuses batches that do not compare, and stops at its signal, leaving no tensor", async () => {
    const before = tf.memory().numTensors;
    await expect(nearestImages({ images: { ...images, maxValue: 256 }, among })).rejects.toThrow(ShapeError);
    const narrow = batchOf(bytes(48, 1), [1, 2, 8, 3]);
    await expect(nearestImages({ images, among: narrow })).rejects.toThrow(/among: expected height 4/);
    await expect(nearestImages({ images, among: sliceImages(among, 0, 0) })).rejects.toThrow(/at least one/);
    const reconstruct = (batch: ImageBatch) => sliceImages(batch, 0, 1);
    await expect(nearestImages({ images, among, reconstruct })).rejects.toThrow(
      /reconstruct: expected 256 images, got 1/,
    );
    await expect(nearestImages({ images, among, compare: "mean" as never })).rejects.toThrow(/"means"/);
    const signal = AbortSignal.abort();
    await expect(nearestImages({ images, among, signal })).rejects.toThrow(AbortedError);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("copyCheck", () => {
  const test = batchOf(bytes(101 * 48, 10), [101, 4, 4, 3]);
  const fresh = batchOf(bytes(40 * 48, 11), [40, 4, 4, 3]);
  // 10 of 50 samples are mirror images of training images with a little noise.
  const copies = mirrorImages(gatherImages(among, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  const samples: ImageBatch = {
    ...fresh,
    count: 50,
    data: Uint8Array.from([...fresh.data, ...copies.data.map((level, i) => (i % 7 === 0 ? level ^ 8 : level))]),
  };

  it("counts samples that are nearer to training images than the 1 % quantile of test images", async () => {
    const { pixels, means } = await copyCheck({ samples, training: among, test });
    for (const verdict of [pixels, means]) {
      expect(verdict.share).toBeGreaterThanOrEqual(0.2);
      expect(verdict.share).toBeLessThan(0.26);
      expect([...verdict.nearest.indices.slice(40)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect([...verdict.nearest.mirrored.slice(40)]).toEqual(Array(10).fill(1));
      // Of 101 sorted values, the one above the smallest.
      expect(verdict.threshold).toBeCloseTo([...verdict.testDistances].sort((a, b) => a - b)[1]!, 12);
    }
    const alone = await nearestImages({ images: samples, among, mirrored: true });
    expect(pixels.nearest).toEqual(alone);
  });

  it("finds no copies in images that are as unseen as the test images, nor mirrored ones where these do not count", async () => {
    const unseen = await copyCheck({ samples: fresh, training: among, test });
    expect(unseen.pixels.share).toBeLessThanOrEqual(0.05);
    const { pixels } = await copyCheck({ samples: copies, training: among, test, mirrored: false });
    expect(pixels.share).toBeLessThanOrEqual(0.1);
  });

  it("reconstructs training images, their mirror images and test images, and takes the samples as they are", async () => {
    const counts: number[] = [];
    const halve = (batch: ImageBatch) => {
      counts.push(batch.count);
      return { ...batch, data: batch.data.map((level) => level >> 1) };
    };
    const halved = { ...copies, data: copies.data.map((level) => level >> 1) };
    const { pixels } = await copyCheck({ samples: halved, training: among, test, reconstruct: halve });
    expect(pixels.share).toBe(1);
    expect(Math.max(...pixels.nearest.distances)).toBe(0);
    expect(counts).toEqual([101, 256, 256, 44, 44]);
  });

  it("refuses other options", async () => {
    await expect(copyCheck({ samples, training: among, test, quantile: 1 })).rejects.toThrow(ConfigError);
    await expect(copyCheck({ samples, training: among, test: sliceImages(test, 0, 0) })).rejects.toThrow(ShapeError);
  });
});
