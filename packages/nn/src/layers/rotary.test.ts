import { ConfigError, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance, expectGradientsByDifferences, expectNoLeak } from "../functions/finite-differences.fixture.js";
import { normal, rotary, rotaryTable2d } from "../index.js";

const random = Random.fromSeed(4);
beforeAll(() => tf.setBackend("cpu"));

const grid = (headWidth: number) => rotaryTable2d({ rows: [0, 0, 1, 1], columns: [0, 1, 0, 1], headWidth, base: 100 });

describe("rotary", () => {
  it("multiplies pairs, as complex numbers, by e to the i angle", () => {
    const x = normal([1, 2, 4, 8], { random });
    const turned = rotary(x, grid(8)).arraySync() as number[][][][];
    (x.arraySync() as number[][][][])[0]!.forEach((head, h) => {
      head.forEach((values, place) => {
        const [row, column] = [Math.floor(place / 2), place % 2];
        const angles = [row, row * 0.1, column, column * 0.1]; // 100^(-4j/8)
        angles.forEach((angle, pair) => {
          const [re, im] = [values[pair]!, values[pair + 4]!];
          const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
          expect(turned[0]![h]![place]![pair]).toBeCloseTo(re * cos - im * sin, 5);
          expect(turned[0]![h]![place]![pair + 4]).toBeCloseTo(re * sin + im * cos, 5);
        });
      });
    });
  });

  it("makes products depend on differences of rows and of columns only", () => {
    const [q, k] = [normal([1, 1, 1, 8], { random }), normal([1, 1, 1, 8], { random })];
    const score = (at: [number, number], other: [number, number]) => {
      const turn = (x: tf.Tensor, [row, column]: [number, number]) =>
        rotary(x, rotaryTable2d({ rows: [row], columns: [column], headWidth: 8 }));
      return tf.sum(tf.mul(turn(q, at), turn(k, other))).dataSync()[0]!;
    };
    expect(score([5, 2], [3, 9])).toBeCloseTo(score([12, 0], [10, 7]), 4);
    expect(Math.abs(score([5, 2], [3, 9]) - score([5, 2], [4, 9]))).toBeGreaterThan(1e-2);
    expect(Math.abs(score([5, 2], [3, 9]) - score([5, 2], [3, 8]))).toBeGreaterThan(1e-2);
  });

  it("has the gradient of differences and leaves nothing behind", () => {
    const table = grid(4);
    const ours = (x?: tf.Tensor) => rotary(x!, table);
    const inputs = [normal([2, 1, 4, 4], { random })];
    expectGradientsByDifferences(ours, inputs);
    expectNoLeak(ours, inputs);
    // A rotation keeps lengths.
    const [x] = inputs as [tf.Tensor];
    expect(distance(tf.sum(tf.square(ours(x)), -1), tf.sum(tf.square(x), -1))).toBeLessThan(1e-5);
  });

  it("refuses shapes and widths that do not fit", () => {
    expect(() => rotary(tf.zeros([1, 1, 3, 8]), grid(8))).toThrow(ShapeError);
    expect(() => rotary(tf.zeros([1, 1, 4, 3]), grid(4))).toThrow(ShapeError);
    expect(() => rotary(tf.zeros([4, 8]), grid(8))).toThrow(ShapeError);
    expect(() => grid(6)).toThrow("expected headWidth to be divisible by 4, got 6 (number)");
    expect(() => rotaryTable2d({ rows: [0], columns: [], headWidth: 4 })).toThrow(ConfigError);
    expect(() => rotaryTable2d({ rows: [0], columns: [0], headWidth: 4, base: 0 })).toThrow(ConfigError);
  });
});
