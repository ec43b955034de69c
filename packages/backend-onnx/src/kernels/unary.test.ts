import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

/** Every unary operation with the range its gradient is finite in. */
const operations: readonly (readonly [string, (x: tf.Tensor) => tf.Tensor, number, number])[] = [
  ["abs", tf.abs, -2, 2],
  ["acos", tf.acos, -0.9, 0.9],
  ["acosh", tf.acosh, 1.1, 4],
  ["asin", tf.asin, -0.9, 0.9],
  ["asinh", tf.asinh, -2, 2],
  ["atan", tf.atan, -2, 2],
  ["atanh", tf.atanh, -0.9, 0.9],
  ["ceil", tf.ceil, -2, 2],
  ["clipByValue", (x) => tf.clipByValue(x, -1, 0.5), -2, 2],
  ["cos", tf.cos, -4, 4],
  ["cosh", tf.cosh, -2, 2],
  ["elu", tf.elu, -2, 2],
  ["erf", tf.erf, -2, 2],
  ["exp", tf.exp, -4, 4],
  ["expm1", tf.expm1, -2, 2],
  ["floor", tf.floor, -2, 2],
  ["leakyRelu", (x) => tf.leakyRelu(x, 0.1), -2, 2],
  ["log", tf.log, 0.1, 4],
  ["log1p", tf.log1p, -0.5, 4],
  ["neg", tf.neg, -2, 2],
  ["reciprocal", tf.reciprocal, 0.2, 4],
  ["relu", tf.relu, -2, 2],
  ["relu6", tf.relu6, -2, 9],
  ["round", tf.round, -2, 2],
  ["rsqrt", tf.rsqrt, 0.2, 4],
  ["selu", tf.selu, -2, 2],
  ["sigmoid", tf.sigmoid, -4, 4],
  ["sign", tf.sign, -2, 2],
  ["sin", tf.sin, -4, 4],
  ["sinh", tf.sinh, -2, 2],
  ["softplus", tf.softplus, -4, 4],
  ["sqrt", tf.sqrt, 0.1, 4],
  ["square", tf.square, -2, 2],
  ["step", (x) => tf.step(x, 0.3), -2, 2],
  ["tan", tf.tan, -1, 1],
  ["tanh", tf.tanh, -2, 2],
];

// tfjs-backend-cpu works in doubles; ONNX Runtime's vectorized functions are a few units in the last place off.
const tolerance = 1e-5;
const shapes = [[], [1], [7], [2, 1, 3], [2, 3, 4, 5]];

describe("unary operations", () => {
  for (const [name, operation, low, high] of operations) {
    it(`${name}: values`, async () => {
      for (const shape of shapes) {
        await expectParity(() => operation(floats(shape, low, high)), { tolerance });
      }
    });

    it(`${name}: gradient`, async () => {
      await expectParity(() => tf.grad(operation)(floats([2, 5], low, high), floats([2, 5], -1, 1, 3)), { tolerance });
    });
  }

  it("special values", async () => {
    const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-30, -1e30];
    for (const [name, operation] of operations) {
      // Where C's and JavaScript's library functions differ is the sign of a zero or of an infinite result's NaN only.
      if (!["round"].includes(name)) {
        await expectParity(() => operation(tf.tensor1d(special)), { tolerance }).catch((error: Error) => {
          throw new Error(`${name}: ${error.message}`);
        });
      }
    }
  });

  it("keep their digits where floats would lose them", async () => {
    // Half a unit in the last place of float32, of the result itself.
    const relative = (x: tf.Tensor, scale: number) => tf.mul(x, scale);
    await expectParity(
      () => [
        relative(tf.expm1(tf.scalar(1e-6)), 1e6),
        relative(tf.log1p(tf.scalar(1e-6)), 1e6),
        relative(tf.tan(tf.scalar(1.57)), 1e-3),
      ],
      { tolerance: 2 ** -23 },
    );
  });

  it("exp of int32 is float32", async () => {
    await expectParity(() => tf.exp(tf.tensor1d([0, 1, -3], "int32")), { tolerance });
  });

  it("predicates", async () => {
    const x = () => tf.tensor1d([0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3]);
    await expectParity(() => [tf.isNaN(x()), tf.isInf(x()), tf.isFinite(x())]);
  });

  it("int32 stays int32 where tfjs says so", async () => {
    await expectParity(() => {
      const x = integers([3, 4]);
      const clipped = [tf.clipByValue(x, -2, 3), tf.clipByValue(x, 0, Number.POSITIVE_INFINITY)];
      return [tf.abs(x), tf.neg(x), tf.sign(x), tf.square(x), tf.relu(x), tf.step(x), ...clipped];
    });
  });

  it("empty tensors", async () => {
    await expectParity(() => [tf.exp(tf.zeros([0, 3])), tf.abs(tf.zeros([0])), tf.sin(tf.tensor1d([]))]);
  });

  it("logicalNot", async () => {
    await expectParity(() => tf.logicalNot(tf.tensor1d([1, 0, 1], "bool")));
  });
});
