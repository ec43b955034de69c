import * as tf from "@tensorflow/tfjs-core";
import { rule, sumTo } from "./rule.js";

/** Gradients of functions that work value by value, their operands broadcast. */
export const elementwiseRules: readonly tf.GradConfig[] = [
  // 0 at 0, not −1.
  rule(tf.Abs, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x] }) => ({ x: () => tf.mul(dy, tf.sign(tf.cast(x!, "float32"))) }),
  }),
  // 0 at 0, where the slope is infinite: a norm, the root of a sum of squares, has the gradient 0 there, not NaN.
  rule(tf.Sqrt, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x] }) => ({
      x: () => tf.divNoNan(dy, tf.mul(tf.sqrt(tf.cast(x!, "float32")), 2)),
    }),
  }),
  rule(tf.Pow, {
    inputs: ["a", "b"],
    outputs: [true],
    gradients: ({ dy, saved: [base, exponent, power] }) => ({
      a: () => sumTo(tf.mul(dy, slopeOfPower(base!, tf.cast(exponent!, "float32"))), base!.shape),
      b: () => sumTo(tf.mul(dy, slopeOfExponent(base!, power!)), exponent!.shape),
    }),
  }),
  // At the origin, where the angle jumps, the gradient is 0.
  rule(tf.Atan2, {
    inputs: ["a", "b"],
    gradients: ({ dy, saved }) => {
      const [a, b] = saved.map((x) => tf.cast(x, "float32")) as [tf.Tensor, tf.Tensor];
      const lengths = () => tf.add(tf.square(a), tf.square(b));
      return {
        a: () => sumTo(tf.mul(dy, tf.divNoNan(b, lengths())), a.shape),
        b: () => sumTo(tf.neg(tf.mul(dy, tf.divNoNan(a, lengths()))), b.shape),
      };
    },
  }),
  // Of equals the first operand takes the gradient.
  rule(tf.Maximum, choice(tf.greaterEqual, tf.less)),
  rule(tf.Minimum, choice(tf.lessEqual, tf.greater)),
  rule(tf.SquaredDifference, {
    inputs: ["a", "b"],
    gradients: ({ dy, saved: [a, b] }) => ({
      a: () => unbroadcast(tf.mul(dy, tf.mul(2, tf.sub(a!, b!))), a!),
      b: () => unbroadcast(tf.mul(dy, tf.mul(2, tf.sub(b!, a!))), b!),
    }),
  }),
  // 0; but tf.div of int32 runs this kernel too, and tfjs means the slope of a division by it.
  rule(tf.FloorDiv, {
    inputs: ["a", "b"],
    gradients: ({ dy, saved: [a, b] }) => {
      const isDivision = a!.dtype === "int32";
      const divisor = () => tf.cast(b!, "float32");
      const slopeOfDivisor = () => tf.neg(tf.div(tf.cast(a!, "float32"), tf.square(divisor())));
      return {
        a: () => (isDivision ? sumTo(tf.div(dy, divisor()), a!.shape) : tf.zeros(a!.shape)),
        b: () => (isDivision ? sumTo(tf.mul(dy, slopeOfDivisor()), b!.shape) : tf.zeros(b!.shape)),
      };
    },
  }),
  rule(tf.Mod, {
    inputs: ["a", "b"],
    gradients: ({ dy, saved: [a, b] }) => ({
      a: () => sumTo(dy, a!.shape),
      b: () => sumTo(tf.mul(dy, tf.neg(tf.floor(tf.div(a!, b!)))), b!.shape),
    }),
  }),
  rule(tf.Prelu, {
    inputs: ["x", "alpha"],
    gradients: ({ dy, saved: [x, alpha] }) => ({
      x: () => sumTo(tf.where(tf.greater(x!, 0), dy, tf.mul(dy, alpha!)), x!.shape),
      alpha: () => sumTo(tf.where(tf.greater(x!, 0), tf.zerosLike(dy), tf.mul(dy, x!)), alpha!.shape),
    }),
  }),
  // Rounding to a whole number or to a truth value has the slope 0, as tf.floor has.
  rule<tf.CastAttrs>(tf.Cast, {
    gradients: ({ dy, attributes: { dtype } }) => ({
      x: () => (dtype === "float32" || dtype === "complex64" ? tf.clone(dy) : tf.zerosLike(dy)),
    }),
  }),
];

type Comparison = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** The gradient goes to the operand that was chosen. */
function choice(first: Comparison, second: Comparison) {
  return {
    inputs: ["a", "b"],
    gradients: ({ dy, saved }: { dy: tf.Tensor; saved: readonly tf.Tensor[] }) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return {
        a: () => unbroadcast(tf.mul(dy, tf.cast(first(a, b), "float32")), a),
        b: () => unbroadcast(tf.mul(dy, tf.cast(second(a, b), "float32")), b),
      };
    },
  };
}

/** {@link sumTo} without a reshape where nothing was broadcast: these rules stand in training steps. */
function unbroadcast(gradient: tf.Tensor, operand: tf.Tensor): tf.Tensor {
  return tf.util.arraysEqual(gradient.shape, operand.shape) ? gradient : sumTo(gradient, operand.shape);
}

/**
 * The slope of base^exponent in its base, 0 where the base is 0 and the exponent from 0 to 1: the slope is infinite
 * there, or, for the exponent 0, the formula's 0 · ∞.
 */
function slopeOfPower(base: tf.Tensor, exponent: tf.Tensor): tf.Tensor {
  const slope = tf.mul(exponent, tf.pow(base, tf.sub(exponent, 1)));
  const isBetween = tf.logicalAnd(tf.greaterEqual(exponent, 0), tf.less(exponent, 1));
  return tf.where(tf.logicalAnd(tf.equal(base, 0), isBetween), tf.zerosLike(slope), slope);
}

/** The slope of base^exponent in its exponent; 0 for bases up to 0, which have no real logarithm. */
function slopeOfExponent(base: tf.Tensor, power: tf.Tensor): tf.Tensor {
  const slope = tf.mul(power, tf.log(tf.cast(base, "float32")));
  return tf.where(tf.greater(base, 0), slope, tf.zerosLike(slope));
}
