import { createHash } from "node:crypto";
import { type OnnxBackendOptions, registerOnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import { readSafetensors } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it } from "vitest";
import { timelessState } from "../packages/training/src/checkpoints/timeless-state.fixture.js";
import { type Training, takeSteps, trainings } from "./webgpu/works.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

/** The SHA-256 of a state after 20 steps, each on a batch of its own: weights, moments, losses. */
async function stateAfter(training: Training, options: OnnxBackendOptions): Promise<string> {
  const backend = await useOnnx({ intraOpNumThreads: 1, ...options });
  const { state, step } = await takeSteps(training);
  const names = [...readSafetensors(state).tensors.keys()];
  expect(step).toBe(20);
  for (const kind of ["model.", "optimizer.firstMoment.", "optimizer.secondMoment."]) {
    expect(names.filter((name) => name.startsWith(kind)).length).toBeGreaterThan(5);
  }
  expect(backend.sessions().replayed > 0).toBe(options.replay === true);
  tf.engine().reset();
  return createHash("sha256").update(timelessState(state)).digest("hex");
}

it.each(trainings.map((training) => [training.name, training] as const))(
  "on the binding and on the C API, wherever results stay, bit for bit: %s",
  async (_, training) => {
    const expected = await stateAfter(training, { runtime: "binding" });
    for (const place of [{}, { keepOnDevice: false }, { keepOnDevice: true }, { keepOnDevice: true, replay: true }]) {
      expect(await stateAfter(training, { runtime: "c-api", ...place })).toBe(expected);
    }
  },
);
