import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
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
