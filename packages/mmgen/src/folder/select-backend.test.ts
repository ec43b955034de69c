import type { OnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ensureBackend, selectBackend } from "./select-backend.js";

describe("ensureBackend", () => {
  it("starts ONNX Runtime where nothing is chosen, and keeps it from then on", async () => {
    expect(await ensureBackend()).toEqual({ line: "onnx (ONNX Runtime on the CPU)", isNew: true });
    expect(tf.getBackend()).toBe("onnx");
    expect(await ensureBackend()).toEqual({ line: "onnx (chosen by the program)", isNew: false });
  });
});

describe("selectBackend", () => {
  it("takes ONNX Runtime where nobody asks for another and no GPU is there", async () => {
    expect(await selectBackend("auto")).toContain("onnx");
    expect(tf.getBackend()).toBe("onnx");
  });

  it("takes the one asked for, and ensureBackend keeps it", async () => {
    expect(await selectBackend("cpu")).toBe("cpu (asked for)");
    expect(tf.getBackend()).toBe("cpu");
    expect((await ensureBackend()).line).toBe("cpu (chosen by the program)");
  });

  it("says how to install what is not there", async () => {
    for (const choice of ["tensorflow", "tensorflow-gpu"] as const) {
      const error = await selectBackend(choice).catch((caught: unknown) => caught);
      expect(ConfigError.isInstance(error)).toBe(true);
      expect(String(error)).toContain(
        `npm install --no-save --ignore-scripts=false @tensorflow/tfjs-node${choice.slice(10)}@4.22.0`,
      );
      expect(String(error)).toContain("storage.googleapis.com");
    }
    await expect(selectBackend("webgpu")).rejects.toThrow("npm install @tensorflow/tfjs-backend-webgpu@");
    await expect(selectBackend("onyx" as never)).rejects.toThrow(/backend: .*did you mean "onnx"/);
  });

  it("starts ONNX Runtime on the device asked for, and no other backend", async () => {
    expect(await selectBackend("auto", "cpu")).toBe("onnx (ONNX Runtime on the CPU, asked for)");
    expect(tf.getBackend()).toBe("onnx");
    await expect(selectBackend("cpu", "cuda")).rejects.toThrow(/device: backend cpu has devices of its own; cuda is/);
    await expect(selectBackend("onnx", "gpu" as never)).rejects.toThrow(/device: expected "auto", .*"gpu"/);
  });

  it("has ONNX Runtime replay graphs, and no other backend", async () => {
    for (const device of ["auto", "cpu"] as const) {
      expect(await selectBackend("auto", device, { replay: true })).toMatch(
        /^onnx \(ONNX Runtime .*graphs are replayed/,
      );
    }
    const { executor } = tf.backend() as OnnxBackend;
    expect(executor.runtime.canReplay).toBe(true);
    await expect(selectBackend("cpu", "auto", { replay: true })).rejects.toThrow(
      /replay: backend cpu replays no graphs/,
    );
  });
});

/** Stands for a package of libtensorflow: registers a backend that computes in plain JavaScript. */
function mockTensorflow(module: string, isUsingGpuDevice: boolean): void {
  vi.doMock(module, async () => {
    const { MathBackendCPU } = await import("@tensorflow/tfjs-backend-cpu");
    tf.registerBackend("tensorflow", () => Object.assign(new MathBackendCPU(), { isUsingGpuDevice }), 3);
    return {};
  });
}

describe("selectBackend, where packages of libtensorflow are installed", () => {
  afterEach(() => {
    vi.doUnmock("@tensorflow/tfjs-node");
    vi.doUnmock("@tensorflow/tfjs-node-gpu");
    vi.doUnmock("@mmgen/backend-onnx");
    vi.resetModules();
    if (tf.engine().findBackendFactory("tensorflow") !== null) {
      tf.removeBackend("tensorflow");
    }
  });

  it("refuses tensorflow-gpu without a GPU, and auto takes ONNX Runtime then", async () => {
    mockTensorflow("@tensorflow/tfjs-node-gpu", false);
    await expect(selectBackend("tensorflow-gpu")).rejects.toThrow(/finds no GPU.*take onnx/);
    expect(await selectBackend("auto")).toContain("onnx");
  });

  it("takes tensorflow-gpu where it finds one", async () => {
    mockTensorflow("@tensorflow/tfjs-node-gpu", true);
    expect(await selectBackend("auto")).toContain("finds a GPU");
    expect(await selectBackend("tensorflow-gpu")).toBe("tensorflow-gpu (asked for)");
    expect(tf.getBackend()).toBe("tensorflow");
  });

  it("says that the native addon is missing, and how to get it", async () => {
    vi.doMock("@tensorflow/tfjs-node", () => {
      throw new Error("The Node.js native addon module (tfjs_binding.node) can not be found at path: lib/napi-v8.");
    });
    const error = await selectBackend("tensorflow").catch((caught: unknown) => caught);
    expect(String(error)).toMatch(/cannot be used here: .*--ignore-scripts=false @tensorflow\/tfjs-node@4\.22\.0/);
  });

  it("prefers tfjs-node to plain JavaScript where ONNX Runtime does not start, and says why it takes which", async () => {
    vi.doMock("@mmgen/backend-onnx", () => ({
      chooseDevice: async () => ({ options: {}, line: "ONNX Runtime" }),
      useOnnx: () => Promise.reject(new ConfigError("onnxruntime-node is not installed.")),
    }));
    expect(await selectBackend("auto")).toMatch(/^cpu \(plain JavaScript, slow: .*onnxruntime-node is not installed/);
    mockTensorflow("@tensorflow/tfjs-node", false);
    expect(await selectBackend("auto")).toMatch(/^tensorflow \(@tensorflow\/tfjs-node is installed; .*not installed/);
    expect(tf.getBackend()).toBe("tensorflow");
  });

  it("ensureBackend goes on on no other backend than the program has registered", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    tf.engine().reset();
    for (const name of ["onnx", "cpu"]) {
      tf.removeBackend(name);
    }
    await expect(ensureBackendWithBroken("glow")).rejects.toThrow(/registered glow, which could not be started/);
  });
});

describe("selectBackend, where a launcher started several processes on one machine", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.doUnmock("@mmgen/backend-onnx");
    vi.resetModules();
  });

  it("has cuda take the card of the process's rank", async () => {
    const asked: unknown[] = [];
    vi.stubEnv("LOCAL_RANK", "2");
    vi.stubEnv("CUDA_VISIBLE_DEVICES", undefined);
    vi.doMock("@mmgen/backend-onnx", async (importOriginal) => ({
      ...(await importOriginal<typeof import("@mmgen/backend-onnx")>()),
      chooseDevice: async (...device: unknown[]) => {
        asked.push(device);
        return { options: {}, line: "ONNX Runtime" };
      },
      useOnnx: async () => {},
    }));
    for (const device of ["cuda", "auto", "webgpu"] as const) {
      expect(await selectBackend("onnx", device)).toBe("onnx (ONNX Runtime)");
    }
    expect(asked).toEqual([
      ["cuda", { deviceId: 2 }],
      ["auto", {}],
      ["webgpu", {}],
    ]);
  });
});

async function ensureBackendWithBroken(name: string): Promise<unknown> {
  tf.registerBackend(name, () => {
    throw new Error("no driver");
  });
  const { MathBackendCPU } = await import("@tensorflow/tfjs-backend-cpu");
  tf.registerBackend("cpu", () => new MathBackendCPU());
  try {
    return await ensureBackend();
  } finally {
    tf.removeBackend(name);
  }
}
