import * as tf from "@tensorflow/tfjs-core";
import { binary, type Program, programs, unary, values } from "./programs.fixture.js";

const around = { from: -1.75, to: 1.75 };
const inside = { from: -0.8, to: 0.8 };
const near = (to: number) => ({ from: to + 0.25, to: to + 1 });

/** `x` where a condition of it holds, and its square where not: a condition has a gradient of its own. */
const choose = (condition: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.where(condition(x), x, tf.square(x));
/** `x` plus what does not slope, so that the program has a gradient at all. */
const beside = (flat: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.add(x, tf.cast(flat(x), "float32"));

/** Programs of functions that work value by value. */
export const elementwisePrograms: readonly Program[] = [
  ...unary(tf.Abs, tf.abs, around),
  ...unary(tf.Acos, tf.acos, inside),
  ...unary(tf.Acosh, tf.acosh, near(1)),
  ...unary(tf.Asin, tf.asin, inside),
  ...unary(tf.Asinh, tf.asinh, around),
  ...unary(tf.Atan, tf.atan, around),
  ...unary(tf.Atanh, tf.atanh, inside),
  ...unary(tf.Cos, tf.cos, around),
  ...unary(tf.Cosh, tf.cosh, around),
  ...unary(tf.Elu, tf.elu, around),
  ...unary(tf.Erf, tf.erf, around),
  ...unary(tf.Exp, tf.exp, around),
  ...unary(tf.Expm1, tf.expm1, around),
  ...unary(tf.Log, tf.log),
  ...unary(tf.Log1p, tf.log1p),
  ...unary(tf.Neg, tf.neg, around),
  ...unary(tf.Reciprocal, tf.reciprocal, { from: -2, to: -0.5 }),
  ...unary(tf.Relu, tf.relu, around),
  ...unary(tf.Relu6, tf.relu6, { from: -3, to: 9 }),
  ...unary(tf.Rsqrt, tf.rsqrt),
  ...unary(tf.Selu, tf.selu, around),
  ...unary(tf.Sigmoid, tf.sigmoid, around),
  ...unary(tf.Sin, tf.sin, around),
  ...unary(tf.Sinh, tf.sinh, around),
  ...unary(tf.Softplus, tf.softplus, around),
  ...unary(tf.Sqrt, tf.sqrt),
  ...unary(tf.Square, tf.square, around),
  ...unary(tf.Tan, tf.tan, { from: -1, to: 1 }),
  ...unary(tf.Tanh, tf.tanh, around),
  ...unary(tf.LeakyRelu, (x) => tf.leakyRelu(x, 0.3), around),
  ...unary(tf.ClipByValue, (x) => tf.clipByValue(x, -0.7, 0.9), around),
  ...unary(tf.Identity, tf.clone, around),
  ...programs(tf.Cast, {
    "to float32": [(x) => tf.cast(x!, "float32"), ["2,3"]],
    "to int32": [(x) => beside((y) => tf.cast(tf.mul(y, 3), "int32"))(x!), ["2,3"]],
    "to bool": [(x) => beside((y) => tf.cast(y, "bool"))(x!), ["2,3"]],
  }),

  ...binary(tf.Add, tf.add, around),
  ...binary(tf.Sub, tf.sub, around),
  ...binary(tf.Multiply, tf.mul, around),
  ...binary(tf.RealDiv, tf.div, { from: -2, to: -0.5 }),
  ...binary(tf.Maximum, tf.maximum, around),
  ...binary(tf.Minimum, tf.minimum, around),
  ...binary(tf.SquaredDifference, tf.squaredDifference, around),
  ...binary(tf.Atan2, tf.atan2, near(-1.8)),
  ...binary(tf.Pow, tf.pow),
  ...programs(tf.Pow, {
    "a negative base to the third": [(x) => tf.pow(x!, 3), ["2,3"], around],
    "an exponent of int32": [(x) => tf.pow(x!, tf.scalar(2, "int32")), ["2,3"], around],
  }),
  ...binary(tf.Mod, (a, b) => tf.mod(tf.add(a, 3), tf.sub(tf.mul(b, 0.01), 1)), { from: 0.3, to: 0.7 }),
  ...binary(tf.Prelu, (x, alpha) => tf.prelu(tf.sub(x, 1), alpha)),
  ...programs(tf.AddN, {
    "": [(a, b, c) => tf.addN([a!, b!, c!]), ["2,3", "2,3", "2,3"]],
  }),

  ...unary(
    tf.Ceil,
    beside((x) => tf.ceil(tf.mul(x, 3))),
  ),
  ...unary(
    tf.Floor,
    beside((x) => tf.floor(tf.mul(x, 3))),
  ),
  ...unary(
    tf.Round,
    beside((x) => tf.round(tf.mul(x, 3))),
  ),
  ...unary(tf.Sign, beside(tf.sign), around),
  ...unary(
    tf.Step,
    beside((x) => tf.step(x, 0.5)),
    around,
  ),
  ...unary(tf.IsFinite, beside(tf.isFinite)),
  ...unary(tf.IsInf, beside(tf.isInf)),
  ...unary(tf.IsNan, beside(tf.isNaN)),
  ...unary(tf.OnesLike, beside(tf.onesLike)),
  ...unary(tf.ZerosLike, beside(tf.zerosLike)),
  ...unary(
    tf.FloorDiv,
    beside((x) => tf.add(tf.floorDiv(x, 0.37), tf.floorDiv(2, x))),
  ),
  ...unary(
    tf.Equal,
    choose((x) => tf.equal(x, 1)),
  ),
  ...unary(
    tf.NotEqual,
    choose((x) => tf.notEqual(x, 1)),
  ),
  ...unary(
    tf.Greater,
    choose((x) => tf.greater(x, 0.97)),
  ),
  ...unary(
    tf.GreaterEqual,
    choose((x) => tf.greaterEqual(x, 0.97)),
  ),
  ...unary(
    tf.Less,
    choose((x) => tf.less(0.97, x)),
  ),
  ...unary(
    tf.LessEqual,
    choose((x) => tf.lessEqual(x, 0.97)),
  ),
  ...unary(
    tf.LogicalNot,
    choose((x) => tf.logicalNot(tf.greater(x, 0.97))),
  ),
  ...unary(
    tf.LogicalAnd,
    choose((x) => tf.logicalAnd(tf.greater(x, 0.5), tf.less(x, 0.97))),
  ),
  ...unary(
    tf.LogicalOr,
    choose((x) => tf.logicalOr(tf.greater(x, 0.97), tf.less(x, 0.5))),
  ),
  ...unary(
    tf.All,
    beside((x) => tf.all(tf.greater(x, 0.4), 1, true)),
  ),
  ...unary(
    tf.Any,
    beside((x) => tf.any(tf.greater(x, 0.97), 0)),
  ),
  ...unary(
    tf.ArgMax,
    beside((x) => tf.argMax(x, -1)),
  ).map(onSquare),
  ...unary(
    tf.ArgMin,
    beside((x) => tf.argMin(x, 0)),
  ),
  ...unary(
    tf.OneHot,
    beside((x) => tf.oneHot(tf.cast(tf.argMax(x, 1), "int32"), 3)),
  ),
  ...programs(tf.Select, {
    "one shape": [(a, b) => tf.where(tf.tensor([true, false, true]), a!, b!), ["3", "3"]],
    "operands broadcast": [(a, b) => tf.where(tf.tensor([[true], [false]]), a!, b!), ["1,3", "2,1"]],
    "a condition broadcast": [(a, b) => tf.where(tf.tensor([true, false, true]), a!, b!), ["2,3", ""]],
  }),
];

function onSquare(program: Program): Program {
  return { ...program, inputs: () => [values([2, 2])] };
}
