import { type OnnxBackendOptions, registerOnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it } from "vitest";
import { openEnvironment } from "../packages/backend-onnx/src/c-api/environment.js";
import { works } from "./webgpu/works.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

const runtimes: [string, OnnxBackendOptions][] = [
  ["the binding", { runtime: "binding" }],
  ["the C API", { runtime: "c-api", keepOnDevice: false }],
  ["the C API with the values of variables in its memory", { runtime: "c-api" }],
  ["the C API with results in its memory and replayed steps", { runtime: "c-api", keepOnDevice: true, replay: true }],
];

/** Bytes of ONNX Runtime's own memory that the C API's sessions take. */
const nativeBytes = () => openEnvironment(1).arena!.bytes().inUse;

it.each(runtimes)("training, coding, generating and denoising leave nothing behind on %s", async (_, options) => {
  const before = nativeBytes();
  const backend = await useOnnx({ intraOpNumThreads: 1, ...options });
  for (const { run } of works) {
    const { numTensors } = tf.memory();
    await run();
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(backend.memory()).toMatchObject({ deviceBytes: 0, pendingValues: 0 });
  }
  expect(backend.sessions().replayed > 0).toBe(options.replay === true);
  backend.dispose();
  expect(nativeBytes()).toBe(before);
});
