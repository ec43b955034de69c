import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterEach, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";
import { deviceRuntime } from "../runtime/device-runtime.fixture.js";
import type { LazyNode } from "./lazy-value.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
const floats = () => tf.tensor2d([1.5, -2.5, 0.5, -0.5, 2, 1e-4, -7.25, 3.75], [2, 4]);
const special = () => tf.tensor2d([1, nan, -infinity, 2, infinity, -3, nan, 0], [2, 4]);
const integers = () => tf.tensor2d([1, -2, 3, 0, -5, 6, 7, -8], [2, 4], "int32");
const flags = () => tf.tensor2d([1, 0, 0, 1, 1, 1, 0, 0], [2, 4], "bool");
const run = (kernel: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap = {}) =>
  tf.engine().runKernel(kernel, inputs, attributes) as unknown as tf.Tensor | tf.Tensor[];

const programs: Readonly<Record<string, () => tf.Tensor | tf.Tensor[]>> = {
  "products of transposed matrices": () => [
    tf.matMul(floats(), tf.ones([3, 4]), false, true),
    tf.matMul(floats(), tf.ones([2, 3]), true, false),
    run("MmgenMatMul", { a: floats(), b: tf.ones([4, 5]) }, { alpha: 0.25 }) as tf.Tensor,
    run("MmgenMatMul", { a: floats(), b: tf.ones([1, 4]) }, { alpha: -3, transposeB: true }) as tf.Tensor,
  ],
  "logarithms of softmax": () => [tf.logSoftmax(tf.mul(floats(), 50) as tf.Tensor), tf.logSoftmax(floats())],
  "cross-entropy": () => {
    const labels = tf.tensor1d([3, 0], "int32");
    return run("MmgenSoftmaxCrossEntropy", { logits: tf.mul(floats(), 30), labels });
  },
  "NaN and infinities": () => [
    tf.cast(tf.isNaN(special()), "int32"),
    tf.cast(tf.isInf(special()), "int32"),
    tf.max(special(), 1),
    tf.argMax(special(), 1),
    tf.argMin(special(), 0),
  ],
  "either of two": () => tf.cast(tf.logicalOr(flags(), tf.greater(integers(), 2)), "int32"),
  rounding: () => [
    tf.round(floats()),
    tf.round(tf.tensor1d([2.5, 3.5, -2.5, -0.2, 8388607.5, 8388609, 12345679, Infinity])),
  ],
  "numbers as integers": () => tf.cast(floats(), "int32"),
  "moved booleans": () =>
    [
      tf.tile(flags(), [2, 3]),
      tf.transpose(flags()),
      tf.concat([flags(), flags()], 1),
      ...tf.split(flags(), 2, 1),
      tf.slice(flags(), [0, 1], [2, 2]),
      tf.reverse(flags(), 1),
    ].map((moved) => tf.cast(moved, "int32")),
  "slices of integers": () => [
    tf.slice(integers(), [1, 1], [1, 2]),
    tf.stridedSlice(integers(), [0, 3], [2, 0], [1, -2]),
    tf.stridedSlice(integers(), [0, 0], [2, 4], [1, 3]),
  ],
  "slices backwards": () => [
    tf.stridedSlice(floats(), [1, 3], [0, 0], [-1, -2]),
    tf.reverse(floats(), [0, 1]),
    tf.reverse(floats(), 1),
  ],
  "integers without sign": () => [tf.abs(integers()), tf.neg(integers())],
  "largest ones and their places": () => {
    const { values, indices } = tf.topk(floats(), 3);
    return [values, indices];
  },
  "gathers by found places": () => tf.gather(floats(), tf.argMax(floats(), 0)),
};

/** Operators without a WebGPU kernel in ONNX Runtime 1.30, and types that others do not take. */
function isLacking({ op, inputs, outputs, attributes }: LazyNode): boolean {
  const [input] = inputs;
  switch (op) {
    case "FusedMatMul":
    case "IsInf":
    case "IsNaN":
    case "LogSoftmax":
    case "Or":
    case "Round":
    case "Scan":
      return true;
    case "Concat":
    case "Identity":
    case "Split":
    case "Tile":
    case "Transpose":
      return input!.type === "bool";
    case "Slice":
      return (
        input!.type !== "float32" || Array.from((inputs[4]?.resident?.host ?? []) as BigInt64Array).some((s) => s < 0n)
      );
    case "Abs":
    case "Neg":
    case "Relu":
      return input!.type === "int32";
    case "Cast":
      return input!.type === "int64" || outputs[0]!.type === "float64" || attributes?.to === 7;
    default:
      return outputs.some(({ type }) => type === "float64");
  }
}

/** The values of a program, and the operators that it is recorded as. */
async function record(program: () => tf.Tensor | tf.Tensor[]) {
  const backend = tf.backend() as OnnxBackend;
  const tensors = [program()].flat();
  const plan = backend.planner.plan(tensors.map((tensor) => backend.value(tensor)).filter(({ producer }) => producer));
  const values = await Promise.all(tensors.map(async (tensor) => [tensor.shape, [...(await tensor.data())]]));
  return { lacking: plan.nodes.filter(isLacking).map(({ op }) => op), values };
}

async function onDevice(): Promise<void> {
  registerOnnxBackend({ runtime: deviceRuntime(true), executionProviders: ["webgpu"] });
  await tf.setBackend("onnx");
}

it.each(Object.entries(programs))("%s have the same values, by operators that WebGPU has", async (_, program) => {
  registerOnnxBackend({});
  await tf.setBackend("onnx");
  const expected = await record(program);
  tf.engine().reset();
  await onDevice();
  const { lacking, values } = await record(program);
  expect(expected.lacking).not.toEqual([]);
  expect(lacking).toEqual([]);
  for (const [i, [shape, numbers]] of values.entries()) {
    expect(shape).toEqual(expected.values[i]![0]);
    for (const [at, number] of (numbers as number[]).entries()) {
      const wanted = (expected.values[i]![1] as number[])[at]!;
      expect(Object.is(number, wanted) || Math.abs(number - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted))).toBe(true);
    }
  }
});

it("what is lost near 0 is kept in float32 alone", async () => {
  await onDevice();
  const x = Float32Array.from({ length: 401 }, (_, i) => Math.sign(i - 200) * 2 ** -(Math.abs(i - 200) / 8));
  for (const [compute, exact] of [
    [tf.expm1, Math.expm1],
    [tf.log1p, (value: number) => Math.log1p(value)],
  ] as const) {
    const values = compute(tf.tensor1d(x.filter((value) => value > -0.99))).dataSync();
    for (const [i, value] of x.filter((value) => value > -0.99).entries()) {
      const wanted = exact(value);
      expect(Math.abs(values[i]! - wanted)).toBeLessThanOrEqual(1e-6 * Math.abs(wanted));
    }
  }
});
