import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterEach, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import type { OnnxBackendOptions } from "../engine/options.js";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";
import { deviceRuntime } from "../runtime/device-runtime.fixture.js";
import { straysOnCuda } from "./cuda-kernels.fixture.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

const floats = () => tf.tensor2d([1.5, -2.5, 0.5, -0.5, 3e9, -3e9, -7.25, 2 ** 40], [2, 4]);
const integers = () => tf.tensor2d([1, -2, 3, 0, -5, 2 ** 31 - 1, 7, -(2 ** 31)], [2, 4], "int32");
const flags = () => tf.tensor2d([1, 0, 0, 1, 1, 1, 0, 0], [2, 4], "bool");

/** Programs that are recorded otherwise than for the cpu. */
const programs: Readonly<Record<string, () => tf.Tensor | tf.Tensor[]>> = {
  "tiled booleans": () => tf.cast(tf.tile(flags(), [2, 3]), "int32"),
  "padded booleans and integers": () => [
    tf.cast(
      tf.pad(
        flags(),
        [
          [1, 0],
          [0, 2],
        ],
        1,
      ),
      "int32",
    ),
    tf.pad(
      integers(),
      [
        [0, 1],
        [2, 1],
      ],
      -9,
    ),
  ],
  "clipped integers": () => [tf.clipByValue(integers(), -2, 5), tf.clipByValue(integers(), 3, 3)],
  "places of extreme integers": () => [tf.argMax(integers(), 1), tf.argMin(integers(), 0), tf.argMax(flags(), 1)],
  "integers at rows of indices": () => [
    tf.gatherND(integers(), tf.tensor2d([1, 1, 0, 2], [2, 2], "int32")),
    tf.gatherND(integers(), tf.tensor2d([1, 0, 1], [3, 1], "int32")),
  ],
  "floats as integers": () => tf.cast(floats(), "int32"),
};

/** What a program comes to on a backend, and which of its nodes CUDA has no kernels for. */
async function run(program: () => tf.Tensor | tf.Tensor[], options: OnnxBackendOptions) {
  registerOnnxBackend({ fallback: false, ...options });
  await tf.setBackend("onnx");
  const backend = tf.backend() as OnnxBackend;
  const tensors = [program()].flat();
  const { nodes } = backend.planner.plan(tensors.map((tensor) => backend.value(tensor)));
  const values = await Promise.all(tensors.map(async (tensor) => [tensor.shape, [...(await tensor.data())]]));
  return { strays: straysOnCuda(nodes), values };
}

it.each(Object.entries(programs))("%s have the same values, by operators that CUDA has", async (_, program) => {
  const expected = await run(program, {});
  tf.engine().reset();
  const found = await run(program, { runtime: deviceRuntime(true), executionProviders: ["cuda"] });
  expect(expected.strays).not.toEqual([]);
  expect(found.strays).toEqual([]);
  expect(found.values).toEqual(expected.values);
});
