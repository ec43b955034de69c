import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import type { ExecutionProvider } from "../runtime/runtime.js";
import { resolveProviders } from "./provider-options.js";

describe("execution providers", () => {
  it("of CUDA have ONNX Runtime's options, and memory of their own", () => {
    expect(resolveProviders(["cuda", "cpu"])).toEqual([
      {
        name: "CUDA",
        options: [
          ["device_id", "0"],
          ["use_tf32", "1"],
        ],
        memory: { name: "Cuda", deviceId: 0 },
      },
    ]);
    const [cuda] = resolveProviders([{ name: "cuda", deviceId: 1, tf32: false, memoryLimit: 2 ** 34 }]);
    expect(cuda!.options).toEqual([
      ["device_id", "1"],
      ["use_tf32", "0"],
      ["gpu_mem_limit", "17179869184"],
    ]);
    expect(cuda!.memory).toEqual({ name: "Cuda", deviceId: 1 });
    expect(cuda!.memoryLimit).toBe(2 ** 34);
  });

  it("of WebGPU are passed on as text", () => {
    const [webgpu] = resolveProviders([
      { name: "webgpu", enableInt64: true, preferredLayout: "NCHW", forceCpuNodeNames: ["node_1", "node_2"] },
    ]);
    expect(webgpu!.options).toEqual([
      ["preferredLayout", "NCHW"],
      ["enableInt64", "1"],
      ["forceCpuNodeNames", "node_1\nnode_2"],
    ]);
    expect(webgpu!.memory).toEqual({ name: "WebGPU_Buffer", deviceId: 0 });
  });

  it("without options of their own, and the cpu, which needs none", () => {
    expect(resolveProviders(["cpu"])).toEqual([]);
    expect(resolveProviders(["coreml", "dml"]).map(({ name }) => name)).toEqual(["CoreML", "DML"]);
  });

  it.each<[ExecutionProvider, string]>([
    ["tensorrt", 'has cpu, cuda, webgpu, coreml and dml, got "tensorrt" (string)'],
    [{ name: "cuda", deviceID: 1 }, 'deviceID: there is no such field; did you mean "deviceId"?'],
    [{ name: "cuda", tf32: "yes" }, 'tf32: expected true or false, got "yes" (string)'],
    [{ name: "cuda", memoryLimit: 0.5 }, "memoryLimit: expected a whole number of at least 1, got 0.5"],
    [{ name: "cuda", deviceId: -1 }, "deviceId: expected a whole number of at least 0, got -1"],
    [{ name: "webgpu", preferredLayout: "NHCW" }, 'did you mean "NCHW"?'],
  ])("refuse %j", (provider, message) => {
    expect(() => resolveProviders([provider])).toThrow(ConfigError);
    expect(() => resolveProviders([provider])).toThrow(message);
  });
});
