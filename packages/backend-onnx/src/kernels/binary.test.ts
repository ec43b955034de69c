import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { booleans, expectParity, floats, integers } from "../engine/parity.fixture.js";

type Operation = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const differentiable: readonly (readonly [string, Operation])[] = [
  ["add", tf.add],
  ["sub", tf.sub],
  ["mul", tf.mul],
  ["div", tf.div],
  ["floorDiv", tf.floorDiv],
  ["pow", (a, b) => tf.pow(tf.abs(a), b)],
  ["mod", tf.mod],
];

/** tfjs's gradients of these do not sum over broadcast axes. */
const sameShapes: readonly (readonly [string, Operation])[] = [
  ["maximum", tf.maximum],
  ["minimum", tf.minimum],
  ["squaredDifference", tf.squaredDifference],
];

const comparisons: readonly (readonly [string, Operation])[] = [
  ["equal", tf.equal],
  ["notEqual", tf.notEqual],
  ["less", tf.less],
  ["lessEqual", tf.lessEqual],
  ["greater", tf.greater],
  ["greaterEqual", tf.greaterEqual],
];

const shapePairs: readonly (readonly [number[], number[]])[] = [
  [[], []],
  [[3], []],
  [[], [2, 3]],
  [[2, 3], [3]],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [1, 1],
    [2, 3],
  ],
  [
    [2, 3, 2, 2],
    [2, 3, 2, 2],
  ],
];

describe("binary operations", () => {
  for (const [name, operation] of differentiable) {
    it(`${name}: values and gradients under broadcasting`, async () => {
      for (const [a, b] of shapePairs) {
        await expectParity(() => operation(floats(a, -2, 2), floats(b, 0.3, 2, 2)), { tolerance: 1e-5 });
        await expectParity(
          () => {
            const gradients = tf.grads(operation)([floats(a, -2, 2), floats(b, 0.3, 2, 2)]);
            return gradients;
          },
          { tolerance: 2e-5 },
        );
      }
    });

    it(`${name}: int32`, async () => {
      await expectParity(() => operation(integers([3, 4], -9, 9), integers([4], 1, 5, 2)));
      await expectParity(() => operation(integers([8], -9, 9), integers([8], -5, -1, 2)));
    });
  }

  for (const [name, operation] of sameShapes) {
    it(`${name}: values, gradients, int32`, async () => {
      for (const [a, b] of shapePairs) {
        await expectParity(() => operation(floats(a), floats(b, -2, 2, 2)));
        await expectParity(() => operation(integers(a), integers(b, -5, 5, 2)));
        await expectParity(() => tf.grads(operation)([floats(a), floats(a, -2, 2, 2)]));
      }
    });
  }

  it("int32 division by zero is 0, as in an Int32Array", async () => {
    await expectParity(() => {
      const [a, b] = [tf.tensor1d([3, -3, 0], "int32"), tf.tensor1d([0, 0, 0], "int32")];
      return [tf.floorDiv(a, b), tf.mod(a, b)];
    });
  });

  it("NaN and infinities", async () => {
    const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
    const a = () => tf.tensor1d([nan, 1, nan, infinity, -infinity, 0, infinity]);
    const b = () => tf.tensor1d([1, nan, nan, 1, infinity, 0, infinity]);
    for (const operation of [tf.add, tf.sub, tf.mul, tf.div, tf.maximum, tf.minimum, tf.floorDiv]) {
      await expectParity(() => operation(a(), b()));
    }
    for (const [, operation] of comparisons) {
      await expectParity(() => operation(a(), b()));
    }
  });

  for (const [name, operation] of comparisons) {
    it(`${name}: float32, int32, bool`, async () => {
      for (const [a, b] of shapePairs) {
        await expectParity(() => [
          operation(tf.round(floats(a)), tf.round(floats(b, -2, 2, 3))),
          operation(integers(a, -2, 2), integers(b, -2, 2, 3)),
          operation(booleans(a), booleans(b, 3)),
        ]);
      }
    });
  }

  it("operands without elements", async () => {
    await expectParity(() => {
      const empty = tf.zeros([0, 3]);
      return [tf.add(empty, 1), tf.mul(empty, floats([3])), tf.greater(empty, empty), tf.notEqual(tf.zeros([0]), 2)];
    });
  });

  it("complex numbers", async () => {
    await expectParity(() => {
      const [a, b] = [tf.complex(floats([2, 3]), floats([2, 3], -2, 2, 2)), tf.complex(floats([2, 3]), floats([2, 3]))];
      const results = [tf.add(a, b), tf.sub(a, b), tf.mul(a, b), tf.add(a, floats([2, 3])), tf.concat([a, b], 1)];
      return [...results, tf.onesLike(a), tf.zerosLike(a)].flatMap((result) => [tf.real(result), tf.imag(result)]);
    });
    await expectParity(() => {
      const a = tf.complex([1.7, 0], [3, 4]);
      return [tf.cast(a, "float32"), tf.cast(a, "int32"), tf.cast(a, "bool")];
    });
  });

  it("logical operations", async () => {
    await expectParity(() => {
      const [a, b] = [booleans([2, 3]), booleans([3], 2)];
      return [tf.logicalAnd(a, b), tf.logicalOr(a, b), tf.logicalXor(a, b)];
    });
  });

  it("atan2: quadrants, zeros with their signs, infinities, NaN", async () => {
    const special = [0, -0, 1, -1, 3, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    const points = special.flatMap((y) => special.map((x) => [y, x] as const));
    await expectParity(() => {
      const [y, x] = [0, 1].map((i) => tf.tensor1d(points.map((point) => point[i]!)));
      return [tf.atan2(y!, x!), tf.atan2(floats([3, 4]), floats([4], -2, 2, 2))];
    });
    await expectParity(() => tf.grads(tf.atan2 as Operation)([floats([3, 4]), floats([4], -2, 2, 2)]));
  });

  it("prelu, with its gradient", async () => {
    await expectParity(() => tf.prelu(floats([2, 3]), floats([3], 0.1, 0.4)));
    await expectParity(() => tf.grads(tf.prelu as Operation)([floats([2, 3]), floats([3], 0.1, 0.4)]));
  });

  it("operands that are all alike cost no broadcast but count", async () => {
    await expectParity(() => {
      const x = floats([2, 3]);
      const column = floats([2, 1]);
      return [
        tf.add(x, tf.zerosLike(x)),
        tf.mul(tf.onesLike(x), column),
        tf.add(column, tf.fill([2, 3], 0)),
        tf.sub(tf.onesLike(x), x),
        tf.mul(x, tf.fill([2, 3], 2.5)),
        tf.mul(tf.fill([2, 1], 2), tf.fill([1, 3], 3)),
        tf.sub(tf.fill([2, 3], 5), tf.fill([2, 3], 3)),
      ];
    });
  });
});
