import { OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util";
import { keepRegistered, registerCorrectedRules } from "../../nn/src/gradients/register.js";

/** What each backend of `backends.mjs` is, registered; returns the name it has in tfjs. */
const register: Readonly<Record<string, () => string>> = {
  cpu: () => "cpu",
  corrected: () => {
    registerCorrectedRules();
    keepRegistered();
    return "cpu";
  },
  none: () => {
    // It stores and reads like the cpu backend; no kernel is registered under its name.
    tf.registerBackend("none", () => new MathBackendCPU());
    return "none";
  },
  onnx: () => onnx(true),
  "onnx-c-api": () => onnx(true, "c-api"),
  "onnx-alone": () => onnx(false),
};

function onnx(fallback: boolean, runtime = process.env.CONFORMANCE_RUNTIME as "binding" | "c-api"): string {
  // The graphs are tiny: more threads would only wait for each other.
  const provider = process.env.CONFORMANCE_PROVIDER!;
  registerOnnxBackend({ fallback, runtime, intraOpNumThreads: 1, executionProviders: [provider] });
  tf.setBackend("onnx");
  if (!(tf.backend() instanceof OnnxBackend)) {
    // tfjs would run the suite on the next backend it finds.
    throw new Error(`The onnx backend did not start with the provider ${provider}.`);
  }
  return "onnx";
}

// The same name for all, so that a spec is called the same on each of them.
setTestEnvs([{ name: "conformance", backendName: register[process.env.CONFORMANCE_BACKEND!]!(), isDataSync: true }]);
