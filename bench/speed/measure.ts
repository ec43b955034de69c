import { parseArgs } from "node:util";
import {
  chooseDevice,
  type DeviceChoice,
  type OnnxBackend,
  type OnnxBackendOptions,
  type OnnxDevice,
  onnxDevices,
  type RuntimeName,
  useOnnx,
} from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { type WorkloadPlan, type WorkloadSize, workloads } from "./workloads.js";

/** Measures the workload that the first argument names, and prints one line of JSON. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** Also measures tfjs's cpu backend. */
    cpu: { type: "boolean", default: false },
    /** What computes: `onnx`, or tfjs's own `webgpu` or `tensorflow`. */
    backend: { type: "string", default: "onnx" },
    /** Where `onnx` computes: `cpu`, `cuda`, `webgpu`, `auto`, or another execution provider of ONNX Runtime. */
    device: { type: "string", default: "cpu" },
    /** What runs the models, `binding` or `c-api`; as `useOnnx({ device })` does if absent. */
    runtime: { type: "string" },
    /** Captures steps and replays them, on the runtime `c-api`. */
    replay: { type: "boolean", default: false },
    /** Three runs at the size for a GPU's driver in software. */
    software: { type: "boolean", default: false },
  },
});
const profilePrefix = process.env.MMGEN_PROFILE;
const plan = workloads[positionals[0] ?? ""];
if (plan === undefined) {
  throw new Error(`Expected one of ${Object.keys(workloads).join(", ")}, got "${positionals[0]}".`);
}
const about = await useBackend(values.backend);
const backend = tf.getBackend() === "onnx" ? (tf.backend() as OnnxBackend) : undefined;
const full = values.software
  ? await measure(plan, plan.software ?? { batch: plan.batch }, 3)
  : await measure(plan, { batch: plan.batch }, 9);
const compileMs = backend?.sessions().compileMs;
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
const fallback = [...(backend?.fallback?.counts.keys() ?? [])];
const sessions = backend?.sessions();
const replay = { replayed: sessions?.replayed, notReplayed: sessions?.notReplayed };
const timesOfCpu = await timesCpu(plan);
console.log(JSON.stringify({ ...about, ...full, compileMs, peakMiB, fallback, ...replay, timesCpu: timesOfCpu }));

// Closing its sessions writes their profiles.
tf.removeBackend(tf.getBackend());

/** What computes, for the table. */
interface About {
  /** The execution provider, and what a line says about it. */
  readonly provider?: string;
  readonly line?: string;
  /** What tfjs's WebGPU backend computes on. */
  readonly adapter?: object;
}

async function useBackend(name: string): Promise<About> {
  switch (name) {
    case "onnx": {
      const { line, options } = await deviceChoice();
      const { executor } = await useOnnx(options);
      return { provider: String(options.executionProviders![0]), line: `${line}; by ${executor.runtime.name}` };
    }
    case "webgpu":
      return { adapter: await useTfjsWebgpu() };
    case "tensorflow": {
      // Built by `npm run test:tensorflow`; it computes on as many threads as there are cores.
      const addon = "@tensorflow/tfjs-node";
      await import(addon);
      await tf.setBackend("tensorflow");
      return {};
    }
    default:
      throw new Error(`Expected onnx, webgpu or tensorflow, got "${name}".`);
  }
}

async function deviceChoice(): Promise<DeviceChoice> {
  const { device, replay, runtime } = values;
  const options: OnnxBackendOptions = {
    ...{ intraOpNumThreads: 2, replay },
    ...(runtime !== undefined && { runtime: runtime as RuntimeName }),
    ...(profilePrefix !== undefined && { profilePrefix }),
  };
  return onnxDevices.includes(device as OnnxDevice)
    ? chooseDevice(device as OnnxDevice, options)
    : { options: { ...options, executionProviders: [device] }, line: `ONNX Runtime on ${device}` };
}

/** Makes tfjs's WebGPU backend active, on Dawn from the npm package `webgpu`; tells what it computes on. */
async function useTfjsWebgpu(): Promise<object> {
  // Neither is a dependency: `npm run bench:webgpu` installs them.
  const [dawn, tfjs] = ["webgpu", "@tensorflow/tfjs-backend-webgpu"];
  const { create, globals } = await import(dawn);
  Object.assign(globalThis, globals);
  const gpu = create([]);
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
  await import(tfjs);
  await tf.setBackend("webgpu");
  const { vendor, architecture, device, description } = (await gpu.requestAdapter()).info;
  return { vendor, architecture, device, description };
}

/** How many times as long plain JavaScript takes, at a small batch. */
async function timesCpu({ smallBatch }: WorkloadPlan): Promise<number | undefined> {
  if (smallBatch === undefined || !values.cpu) {
    return undefined;
  }
  const small = await measure(plan!, { batch: smallBatch }, 9);
  await tf.setBackend("cpu");
  const cpu = await measure(plan!, { batch: smallBatch }, 1);
  return cpu.ms / small.ms;
}

function runMs(): number {
  const active = tf.backend();
  return "sessions" in active ? (active as OnnxBackend).sessions().runMs : 0;
}

interface Timing {
  /** Number of values that the model learns, where it does. */
  readonly parameters: number | undefined;
  /** Wall time of the first run, in which graphs are recorded and compiled, ms. */
  readonly firstMs: number;
  /** Median wall time, ms. */
  readonly ms: number;
  /** The part of it outside the native run: recording, keys, uploads, masks. */
  readonly outsideMs: number;
}

async function measure(plan: WorkloadPlan, size: WorkloadSize, runs: number): Promise<Timing> {
  const work = plan.create(size);
  try {
    const first = performance.now();
    await work.run();
    const firstMs = performance.now() - first;
    // Where steps are not compiled, the second one's graph differs; and memory settles with the third.
    for (let i = 1; i < Math.min(3, runs); i++) {
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
    return { parameters: work.parameters, firstMs, ms: median(times), outsideMs: median(outside) };
  } finally {
    work.dispose();
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
