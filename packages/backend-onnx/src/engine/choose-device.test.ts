import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it } from "vitest";
import { missingProviderLibrary } from "../c-api/missing-library.js";
import { nodeRuntime } from "../runtime/node-runtime.js";
import type { Runtime } from "../runtime/runtime.js";
import { chooseDevice, type OnnxDevice } from "./choose-device.js";
import { fasterInPage } from "./faster-in-page.js";
import { localDeviceId } from "./local-device-id.js";
import { registerOnnxBackend, useOnnx } from "./register-onnx-backend.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

/** Whether onnxruntime-node's install script has brought the provider of CUDA. */
const hasProvider = missingProviderLibrary() === undefined;

describe("devices in Node", () => {
  it.skipIf(hasProvider)("auto is the cpu where no provider of CUDA lies, and says so", async () => {
    const { options, line } = await chooseDevice("auto", { intraOpNumThreads: 2 });
    expect(options).toEqual({ intraOpNumThreads: 2, executionProviders: ["cpu"] });
    expect(line).toBe("ONNX Runtime on the CPU");
    await useOnnx({ device: "auto" });
    expect([...tf.add(tf.tensor1d([1]), 1).dataSync()]).toEqual([2]);
  });

  it("are taken by name", async () => {
    expect(await chooseDevice("cpu", { runtime: "c-api" })).toEqual({
      options: { runtime: "c-api", executionProviders: ["cpu"] },
      line: "ONNX Runtime on the CPU, asked for",
    });
    expect((await chooseDevice("webgpu")).options.executionProviders).toEqual(["webgpu"]);
  });

  it.skipIf(hasProvider)("cuda runs on the C API, and is refused in one line that names what is missing", async () => {
    const error = await useOnnx({ device: "cuda" }).catch((caught: unknown) => caught);
    expect(ConfigError.isInstance(error)).toBe(true);
    expect(String(error)).toMatch(/cuda could not be started by ONNX Runtime's C API: .*missing/);
    expect(String(error)).not.toContain("\n");
  });

  it("refuse what they are not", async () => {
    await expect(chooseDevice("gpu" as OnnxDevice)).rejects.toThrow(/device: expected "auto", .*got "gpu"/);
    const both = useOnnx({ device: "cpu", executionProviders: ["cpu"] });
    await expect(both).rejects.toThrow("Give either device or executionProviders");
  });

  it("replay graphs on the C API, where one is asked to, and say so", async () => {
    const { options, line } = await chooseDevice("webgpu", { replay: true });
    expect(options).toEqual({ replay: true, executionProviders: ["webgpu"] });
    expect(line).toBe("ONNX Runtime on WebGPU, as asked for; graphs are replayed");
    expect((await chooseDevice("cpu", { replay: true })).line).toMatch(/replayed, which saves nothing on the CPU$/);
    expect((await chooseDevice("cpu", { replay: false })).line).not.toContain("replayed");
    const backend = await useOnnx({ device: "cpu", replay: true });
    expect(backend.executor.runtime.name).toBe("ONNX Runtime's C API");
    const other = chooseDevice("webgpu", { runtime: "binding", replay: true });
    await expect(other).rejects.toThrow(/replay: expected .*got "binding".*runtime: "c-api"/);
  });

  it("take one of several cards, which cuda alone has", async () => {
    const runtime = { ...nodeRuntime(), name: "mine" };
    const { options, line } = await chooseDevice("cuda", { runtime, deviceId: 1 });
    expect(options.executionProviders).toEqual([{ name: "cuda", deviceId: 1 }]);
    expect(line).toBe("mine on cuda, as asked for");
    await expect(chooseDevice("webgpu", { deviceId: 1 })).rejects.toThrow("device webgpu has no cards to choose among");
    await expect(chooseDevice("auto", { deviceId: -1 })).rejects.toThrow(/deviceId: expected a whole number/);
    await expect(useOnnx({ deviceId: 1 })).rejects.toThrow('Give device: "cuda" too');
  });
});

describe("the card of a process among those of its machine", () => {
  it("is its rank there, as each launcher tells it", () => {
    for (const name of ["LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"]) {
      expect(localDeviceId({ [name]: "3" }), name).toBe(3);
    }
    // mpirun within a job of Slurm, whose own step has one process a machine.
    expect(localDeviceId({ OMPI_COMM_WORLD_LOCAL_RANK: "2", SLURM_LOCALID: "0" })).toBe(2);
    expect(localDeviceId({ LOCAL_RANK: "", OMPI_COMM_WORLD_RANK: "7", CUDA_VISIBLE_DEVICES: "0,1" })).toBeUndefined();
  });

  it("is one of those that the process sees", () => {
    const cards = (visible: string) =>
      [0, 1, 2, 3].map((rank) => localDeviceId({ LOCAL_RANK: `${rank}`, CUDA_VISIBLE_DEVICES: visible }));
    expect(cards("4,5,6,7")).toEqual([0, 1, 2, 3]);
    expect(cards("4,5")).toEqual([0, 1, 0, 1]);
    // As Slurm does with --gpus-per-task=1.
    expect(cards("GPU-8932f937")).toEqual([0, 0, 0, 0]);
    expect(cards("")).toEqual([0, 1, 2, 3]);
  });
});

describe("auto with a runtime of promises", () => {
  const native = nodeRuntime();
  /** A page's runtime: what each provider computes takes so many ms. */
  const page = (ms: Readonly<Record<string, number>>): Runtime => ({
    name: "onnxruntime",
    synchronous: false,
    upload: native.upload,
    async createSession(model, inputs, outputs, options) {
      const wait = ms[options.executionProviders[0] as string];
      if (wait === undefined) {
        throw new Error("no available backend found");
      }
      const session = await native.createSession(model, inputs, outputs, { ...options, executionProviders: ["cpu"] });
      return {
        run: async (feeds) => {
          const results = await session.run(feeds);
          await new Promise((resolve) => setTimeout(resolve, wait));
          return results;
        },
        dispose: () => session.dispose(),
      };
    },
  });
  const gpu = (info: object) => ({ requestAdapter: async () => ({ info: { ...info } }) });
  const nvidia = gpu({ vendor: "nvidia", architecture: "hopper" });

  it("takes WebGPU where a product is faster there", async () => {
    const faster = await fasterInPage(page({ webgpu: 1, wasm: 60 }), "wasm", nvidia);
    expect(faster.name).toBe("webgpu");
    expect(faster.reason).toMatch(/^as a product of 256³ takes [\d.]+ ms on webgpu, [\d.]+ ms on wasm$/);
    expect((await fasterInPage(page({ webgpu: 60, wasm: 1 }), "wasm", nvidia)).name).toBe("wasm");
  });

  it("takes no adapter that computes on the processor, and none where there is none", async () => {
    const runtime = page({ webgpu: 1, wasm: 60 });
    for (const adapter of [gpu({ architecture: "swiftshader" }), gpu({ isFallbackAdapter: true })]) {
      const faster = await fasterInPage(runtime, "wasm", adapter);
      expect(faster).toEqual({ name: "wasm", reason: "as WebGPU here computes on the processor" });
    }
    const none = { requestAdapter: async () => null };
    expect(await fasterInPage(runtime, "wasm", none)).toEqual({ name: "wasm", reason: "as there is no WebGPU here" });
    expect((await fasterInPage(page({ wasm: 1 }), "wasm", nvidia)).reason).toContain("does not start webgpu");
  });

  it("is cpu in Node, where a program brings the runtime", async () => {
    const { options, line } = await chooseDevice("auto", { runtime: page({ cpu: 1 }) });
    expect(options.executionProviders).toEqual(["cpu"]);
    expect(line).toBe("onnxruntime on cpu, as there is no WebGPU here");
  });
});
