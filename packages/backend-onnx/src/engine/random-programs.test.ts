import { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { it } from "vitest";
import { booleans, expectParity, floats, integers } from "./parity.fixture.js";

// Single kernels have tests of their own. Here whole graphs do, of which ONNX Runtime sees only the ends: what it joins,
// folds and moves in between has to leave the numbers alone.

const programs = 300;
const steps = 20;
/** Larger results are thrown away, so that programs do not outgrow the machine. */
const largest = 400;

type Step = (x: tf.Tensor, choose: (count: number) => number, alike: tf.Tensor) => tf.Tensor;

const toFloats = (x: tf.Tensor) => tf.cast(x, "float32");
const toNumbers = (x: tf.Tensor) => (x.dtype === "bool" ? tf.cast(x, "int32") : x);

const casts: readonly Step[] = (["float32", "int32", "bool"] as const).map((dtype) => (x) => tf.cast(x, dtype));

const unary: readonly Step[] = [
  ...[tf.abs, tf.neg, tf.relu, tf.relu6, tf.sign, tf.square, tf.zerosLike, tf.onesLike].map(
    (operation): Step =>
      (x) =>
        operation(toNumbers(x)),
  ),
  ...[tf.sigmoid, tf.tanh, tf.floor, tf.round, tf.ceil, tf.erf, tf.elu, tf.softplus, tf.softmax].map(
    (operation): Step =>
      (x) =>
        operation(toFloats(x)),
  ),
  (x) => tf.clipByValue(toNumbers(x), -1, 2),
  (x) => tf.logicalNot(tf.cast(x, "bool")),
];

const binary: readonly Step[] = [
  ...[tf.add, tf.sub, tf.mul, tf.maximum, tf.minimum, tf.squaredDifference, tf.floorDiv, tf.mod],
  ...[tf.less, tf.equal, tf.greaterEqual],
].flatMap((operation): Step[] => [
  (x, _, alike) => operation(toNumbers(x), toNumbers(alike)),
  (x, choose) => operation(toNumbers(x), tf.scalar(choose(5) - 2, toNumbers(x).dtype)),
]);

const movements: readonly Step[] = [
  (x) => tf.transpose(x),
  (x) =>
    tf.transpose(
      x,
      x.shape.map((_, axis) => (axis + 1) % x.rank),
    ),
  (x) => tf.reshape(x, [x.size / x.shape[0]!, x.shape[0]!]),
  (x, choose) => {
    const begin = x.shape.map((size) => choose(size));
    return tf.slice(
      x,
      begin,
      begin.map((first, axis) => 1 + choose(x.shape[axis]! - first)),
    );
  },
  (x, choose) =>
    tf.pad(
      x,
      x.shape.map(() => [choose(2), choose(2)]),
      choose(2),
    ),
  (x, choose) => tf.concat([x, x], choose(x.rank)),
  (x, choose) => tf.reverse(x, choose(x.rank)),
  (x) => tf.gather(x, tf.tensor1d([0, x.shape[0]! - 1, 0], "int32")),
  (x, _, alike) => tf.where(tf.cast(x, "bool"), x, tf.cast(alike, x.dtype)),
  (x, choose) => tf.fill(x.shape, choose(3)),
];

const reductions: readonly Step[] = [
  ...[tf.sum, tf.max, tf.min, tf.mean, tf.prod].map(
    (reduce): Step =>
      (x, choose) =>
        reduce(toNumbers(x), choose(x.rank), true),
  ),
  (x, choose) => tf.cumsum(toNumbers(x), choose(x.rank)),
  (x) => {
    const matrix = tf.reshape(toFloats(x), [x.size / x.shape[0]!, x.shape[0]!]);
    return tf.matMul(matrix, matrix, true, false);
  },
];

const all = [...casts, ...unary, ...binary, ...movements, ...reductions];

it("random programs give what they give on the cpu backend", async () => {
  for (let seed = 0; seed < programs; seed++) {
    // Twenty steps of rounding, each of which may be passed on enlarged.
    await expectParity(() => program(seed), { tolerance: 3e-5 }).catch((error: Error) => {
      throw new Error(`program ${seed}: ${error.message}`);
    });
  }
});

/** The last two of a chain of steps, each on one of the results so far. */
function program(seed: number): tf.Tensor[] {
  const random = Random.fromSeed(seed);
  const choose = (count: number) => random.integer(count);
  const results = [floats([2, 3, 4]), floats([4, 3]), integers([3, 4]), booleans([2, 6]), floats([5])];
  for (let i = 0; i < steps; i++) {
    // Mostly a late one, which makes long chains.
    const x = results[choose(2) === 0 ? choose(results.length) : results.length - 1 - choose(3)]!;
    const alike = results.filter(({ shape }) => tf.util.arraysEqual(shape, x.shape));
    const result = all[choose(all.length)]!(x, choose, alike[choose(alike.length)]!);
    if (result.size <= largest && result.rank <= 5) {
      results.push(result);
    }
  }
  return results.slice(-2);
}
