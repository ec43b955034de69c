import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity } from "../engine/parity.fixture.js";

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const floats = [
  ...[0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 0.1, 7.3, 3, 20, -20, 50, -50, 88, 89, -104, 100],
  ...[1e-7, -1e-7, 1e-20, 1e-38, 1e10, -1e10, 3e9, -3e9, 2 ** 31, 1e38, -1e38],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];
const integers = [0, 1, -1, 2, -2, 3, 7, -7, 2 ** 31 - 1, -(2 ** 31), 65536, -65536, 46341, 100000];

/** What tfjs takes floats only for. */
const ofFloats: readonly Unary[] = [
  ...[tf.ceil, tf.cos, tf.cosh, tf.exp, tf.floor, tf.log, tf.rsqrt, tf.sigmoid, tf.sin, tf.sqrt, tf.tan, tf.tanh],
  ...[tf.softmax, tf.logSoftmax, tf.logSumExp],
];

const ofNumbers: readonly Unary[] = [
  ...[tf.acos, tf.acosh, tf.asin, tf.asinh, tf.atan, tf.atanh, tf.expm1, tf.isFinite, tf.isInf, tf.isNaN, tf.log1p],
  ...[tf.logSigmoid, tf.neg, tf.reciprocal, tf.relu, tf.relu6, tf.round, tf.sign, tf.sinh, tf.max, tf.min, tf.prod],
  ...[tf.argMax, tf.argMin, tf.cumprod, tf.leakyRelu, tf.zerosLike, tf.onesLike, tf.step],
  function castToInt32(x) {
    return tf.cast(x, "int32");
  },
  function castToBool(x) {
    return tf.cast(x, "bool");
  },
  function clip(x) {
    return tf.clipByValue(x, -2, 3.5);
  },
  function prelu(x) {
    return tf.prelu(x, tf.scalar(0.3));
  },
];

/** For int32 the two differ: what the cpu backend multiplies in doubles has lost digits beyond 2⁵³, and it stores |x| as floats. */
const ofFloatsHere: readonly Unary[] = [tf.abs, tf.square, tf.softplus];

const binaryOfNumbers: readonly Binary[] = [
  ...[tf.add, tf.sub, tf.div, tf.floorDiv, tf.mod, tf.pow, tf.maximum, tf.minimum, tf.atan2, tf.divNoNan],
  ...[tf.equal, tf.notEqual, tf.less, tf.lessEqual, tf.greater, tf.greaterEqual],
];

const binaryOfFloatsHere: readonly Binary[] = [tf.mul, tf.squaredDifference];

// Denormal numbers have fewer digits.
const options = { absoluteBelow: 1e-30 };

describe("special values", () => {
  for (const operation of [...ofFloats, ...ofNumbers, ...ofFloatsHere]) {
    it(`${name(operation)} of float32`, () => expectParity(() => operation(tf.tensor1d(floats)), options));
  }
  for (const operation of ofNumbers) {
    it(`${name(operation)} of int32`, () => expectParity(() => operation(tf.tensor1d(integers, "int32")), options));
  }
  for (const operation of [...binaryOfNumbers, ...binaryOfFloatsHere]) {
    it(`${name(operation)} of float32`, () => expectParity(() => operation(...pairs(floats, "float32")), options));
  }
  for (const operation of binaryOfNumbers) {
    it(`${name(operation)} of int32`, () => expectParity(() => operation(...pairs(integers, "int32")), options));
  }
});

/** tfjs's operations are called `exp__op` and the like. */
function name(operation: Unary | Binary): string {
  return operation.name.replace("__op", "");
}

/** Every value with every other. */
function pairs(values: readonly number[], dtype: "float32" | "int32"): [tf.Tensor, tf.Tensor] {
  const [first, second] = [values.flatMap((a) => values.map(() => a)), values.flatMap(() => [...values])];
  return [tf.tensor1d(first, dtype), tf.tensor1d(second, dtype)];
}
