import { ConfigError, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { kMeans, kMeansPlusPlus } from "./k-means.js";

beforeAll(() => tf.setBackend("cpu"));

describe("kMeansPlusPlus", () => {
  it("seeds one vector in each of far-apart groups", () => {
    const vectors = Float32Array.from({ length: 300 }, (_, i) => 1000 * (i % 5) + (i % 7) / 10);
    for (let seed = 0; seed < 20; seed++) {
      const seeds = kMeansPlusPlus(vectors, { dimension: 1, clusters: 5, random: Random.fromSeed(seed) });
      expect([...seeds].map((value) => Math.round(value / 1000)).sort()).toEqual([0, 1, 2, 3, 4]);
    }
  });

  it("draws vectors again where fewer differ than clusters are asked for", () => {
    const vectors = Float32Array.of(1, 1, 2, 2);
    const seeds = kMeansPlusPlus(vectors, { dimension: 2, clusters: 5, random: Random.fromSeed(1) });
    const pairs = [0, 1, 2, 3, 4].map((i) => `${seeds[2 * i]},${seeds[2 * i + 1]}`);
    expect(new Set(pairs)).toEqual(new Set(["1,1", "2,2"]));
  });
});

describe("kMeans", () => {
  it("refuses no vectors, and options that are none", async () => {
    const random = Random.fromSeed(1);
    const [none, some] = [tf.zeros([0, 2]) as tf.Tensor2D, tf.zeros([3, 2]) as tf.Tensor2D];
    await expect(kMeans(none, { clusters: 2, random })).rejects.toThrow(ShapeError);
    await expect(kMeans(tf.zeros([3]) as never, { clusters: 2, random })).rejects.toThrow(/got \[3\]/);
    await expect(kMeans(some, { clusters: 0, random })).rejects.toThrow(ConfigError);
    await expect(kMeans(some, { clusters: 2, random, rounds: 3 } as never)).rejects.toThrow(/rounds/);
    tf.dispose([none, some]);
  });

  it("equals Lloyd's rounds done plainly from the same seeds", async () => {
    const random = Random.fromSeed(3);
    const values = random.normals(60 * 2);
    const rounds = 4;
    // Draws in the order in which kMeans draws: a permutation of the sample, then the seeds.
    const replay = Random.fromSeed(5);
    const order = replay.permutation(60);
    const shuffled = Float32Array.from({ length: 120 }, (_, i) => values[order[i >> 1]! * 2 + (i % 2)]!);
    let centers = [...kMeansPlusPlus(shuffled, { dimension: 2, clusters: 5, random: replay })];
    let counts: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const sums = new Array(10).fill(0);
      counts = new Array(5).fill(0);
      for (let row = 0; row < 60; row++) {
        const distances = counts.map(
          (_, c) => (values[2 * row]! - centers[2 * c]!) ** 2 + (values[2 * row + 1]! - centers[2 * c + 1]!) ** 2,
        );
        const nearest = distances.indexOf(Math.min(...distances));
        counts[nearest]!++;
        sums[2 * nearest] += values[2 * row];
        sums[2 * nearest + 1] += values[2 * row + 1];
      }
      if (round < rounds) {
        const before = centers;
        centers = before.map((old, i) => (counts[i >> 1]! > 0 ? sums[i] / counts[i >> 1]! : old));
      }
    }
    const before = tf.memory().numTensors;
    const vectors = tf.tensor2d(values, [60, 2]);
    const result = await kMeans(vectors, { clusters: 5, random: Random.fromSeed(5), iterations: rounds });
    expect([...result.counts.dataSync()]).toEqual(counts);
    const nearest = [...result.nearest.dataSync()];
    expect(counts.map((_, c) => nearest.filter((found) => found === c).length)).toEqual(counts);
    result.centers.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(centers[i]!, 4);
    });
    tf.dispose([result, vectors]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
