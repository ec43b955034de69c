import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { conv2d, convTranspose2d, embedding } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { gradientsOf, nameOf, sweepPrograms } from "../packages/nn/src/gradients/sweep.fixture.js";

/** Programs that tfjs's wasm backend cannot compute forward, or computes wrongly, by a part of their name. */
const excluded: Readonly<Record<string, string>> = {
  UnsortedSegmentSum: "no kernel",
  Einsum: "no kernel",
  "Prelu ([3] [2,3])": "x is not broadcast",
  "Prelu ([2,1] [2,3])": "x is not broadcast",
  "Prelu ([1,3] [2,1])": "x is not broadcast",
  "Prelu ([] [2,3])": "x is not broadcast",
  "Conv3D (same, strides)": "wrong forward",
  "Conv3DBackpropInputV2 (same, strides)": "the filter's gradient takes strides wrongly",
  "Dilation2D (dilated)": "wrong forward",
  "MaxPool (rounded up)": "wrong forward",
  "GatherV2 (two batch axes)": "reads past its memory",
  "Pool (filter 2,3, stride 2,1, 1)": "writes past its memory with padding by a number",
};

type Layer = (...inputs: tf.Tensor4D[]) => tf.Tensor;

/** Layers with gradients of their own, and the shapes of their inputs, by name. */
const layers: Record<string, readonly [number[][], Layer]> = {
  embedding: [[[5, 3]], (table) => embedding(table!, tf.tensor2d([4, 0, 4, 2, 0, 4], [3, 2], "int32"))],
  "embedding of nothing": [[[5, 3]], (table) => embedding(table!, tf.zeros([0, 2], "int32"))],
};
for (const [filter, stride] of [
  [3, 1],
  [4, 2],
  [1, 1],
  [2, 3],
] as const) {
  for (const padding of ["same", "valid"] as const) {
    layers[`conv2d (${filter}, stride ${stride}, ${padding})`] = [
      [[2, 7, 6, 2], [filter, filter, 2, 3], [3]],
      (x, weights, bias) => conv2d(x!, weights!, bias as tf.Tensor as tf.Tensor1D, { padding, stride }),
    ];
  }
  // With strides beyond the filter, wasm's Conv2D gives zeros where nothing is padded.
  if (stride <= filter) {
    layers[`convTranspose2d (${filter}, stride ${stride})`] = [
      [[2, 3, 4, 3], [filter, filter, 2, 3], [2]],
      (x, weights, bias) => convTranspose2d(x!, weights!, bias as tf.Tensor as tf.Tensor1D, { stride }),
    ];
  }
}

it("gradients of layers are on wasm what they are on cpu", async () => {
  const compute = async (backend: string) => {
    expect(await tf.setBackend(backend)).toBe(true);
    return Object.values(layers).map(([shapes, layer]) =>
      tf.tidy(() => {
        const weighted = (...inputs: tf.Tensor[]) => {
          const y = layer(...(inputs as tf.Tensor4D[]));
          return tf.sum(tf.mul(y, tf.randomNormal(y.shape, 0, 1, "float32", 2)));
        };
        const inputs = shapes.map((shape) => tf.randomNormal(shape, 0, 1, "float32", 1));
        return tf
          .grads(weighted)(inputs)
          .flatMap((gradient) => [...gradient.dataSync()]);
      }),
    );
  };
  const [onCpu, onWasm] = [await compute("cpu"), await compute("wasm")];
  for (const [i, name] of Object.keys(layers).entries()) {
    expect(onWasm[i], name).toEqual(onCpu[i]!.map((value) => expect.closeTo(value, 4)));
  }
});

it("gradients are on wasm what they are on cpu", async () => {
  const programs = sweepPrograms.filter(
    (program) => !Object.keys(excluded).some((name) => nameOf(program).includes(name)),
  );
  const compute = async (backend: string) => {
    expect(await tf.setBackend(backend)).toBe(true);
    return programs.map((program) =>
      tf.tidy(() => {
        try {
          return gradientsOf(program, program.inputs()).map((gradient) => gradient.dataSync().slice());
        } catch (error) {
          throw new Error(`${nameOf(program)} on ${backend}: ${(error as Error).message}`);
        }
      }),
    );
  };
  const [onCpu, onWasm] = [await compute("cpu"), await compute("wasm")];
  const wrong = programs.flatMap((program, i) =>
    onCpu[i]!.flatMap((expected, input) => {
      const values = onWasm[i]![input]!;
      const isClose = expected.every((value, j) => Math.abs(value - values[j]!) <= 1e-4 * Math.max(1, Math.abs(value)));
      return isClose ? [] : [`${nameOf(program)}: input ${input}: ${values}, on cpu ${expected}`];
    }),
  );
  expect(wrong).toEqual([]);
});
