import { parseArgs } from "node:util";
import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { type WorkloadPlan, workloads } from "./workloads.js";

/** Measures the workload that the first argument names, and prints one line of JSON. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** Also measures tfjs's cpu backend. */
    cpu: { type: "boolean", default: false },
    /** The execution provider of ONNX Runtime, or `tfjs-webgpu` or `tfjs-node` for tfjs's own backends. */
    provider: { type: "string", default: "cpu" },
    /** What runs the models: `binding` or `c-api`. */
    runtime: { type: "string", default: "binding" },
  },
});
const profilePrefix = process.env.MMGEN_PROFILE;
const plan = workloads[positionals[0] ?? ""];
if (plan === undefined) {
  throw new Error(`Expected one of ${Object.keys(workloads).join(", ")}, got "${positionals[0]}".`);
}
if (values.provider === "tfjs-webgpu") {
  await useTfjsWebgpu();
} else if (values.provider === "tfjs-node") {
  // Built by `npm run test:tensorflow`; it computes on as many threads as there are cores.
  const addon = "@tensorflow/tfjs-node";
  await import(addon);
  await tf.setBackend("tensorflow");
} else {
  registerOnnxBackend({
    intraOpNumThreads: 2,
    executionProviders: [values.provider],
    runtime: values.runtime as "binding" | "c-api",
    ...(profilePrefix !== undefined && { profilePrefix }),
  });
  await tf.setBackend("onnx");
}
const backend = tf.getBackend() === "onnx" ? (tf.backend() as OnnxBackend) : undefined;
const full = await measure(plan, plan.batch, 9);
const compileMs = backend?.sessions().compileMs;
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
const fallback = [...(backend?.fallback?.counts.keys() ?? [])];
console.log(JSON.stringify({ ...full, compileMs, peakMiB, fallback, timesCpu: await timesCpu(plan) }));

// Closing its sessions writes their profiles.
tf.removeBackend(tf.getBackend());

/** Makes tfjs's WebGPU backend active, on Dawn from the npm package `webgpu`. */
async function useTfjsWebgpu(): Promise<void> {
  // Neither is a dependency: `npm install --no-save webgpu @tensorflow/tfjs-backend-webgpu@4.22.0`.
  const [dawn, tfjs] = ["webgpu", "@tensorflow/tfjs-backend-webgpu"];
  const { create, globals } = await import(dawn);
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", { value: { gpu: create([]) }, configurable: true });
  await import(tfjs);
  await tf.setBackend("webgpu");
}

/** How many times as long plain JavaScript takes, at a small batch. */
async function timesCpu({ smallBatch }: WorkloadPlan): Promise<number | undefined> {
  if (smallBatch === undefined || !values.cpu) {
    return undefined;
  }
  const small = await measure(plan!, smallBatch, 9);
  await tf.setBackend("cpu");
  const cpu = await measure(plan!, smallBatch, 1);
  return cpu.ms / small.ms;
}

function runMs(): number {
  const active = tf.backend();
  return "sessions" in active ? (active as OnnxBackend).sessions().runMs : 0;
}

interface Timing {
  /** Number of values that the model learns, where it does. */
  readonly parameters: number | undefined;
  /** Median wall time, ms. */
  readonly ms: number;
  /** The part of it outside the native run: recording, keys, uploads, masks. */
  readonly outsideMs: number;
}

async function measure(plan: WorkloadPlan, batch: number, runs: number): Promise<Timing> {
  const work = plan.create(batch);
  try {
    // The second step's graph differs from the first one's, and the arena settles with the third.
    for (let i = 0; i < Math.min(3, runs); i++) {
      await work.run();
    }
    const times: number[] = [];
    const outside: number[] = [];
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      const runBefore = runMs();
      await work.run();
      const time = performance.now() - start;
      times.push(time);
      outside.push(time - (runMs() - runBefore));
    }
    return { parameters: work.parameters, ms: median(times), outsideMs: median(outside) };
  } finally {
    work.dispose();
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
