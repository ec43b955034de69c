import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it } from "vitest";
import { loadOrt } from "../runtime/load-ort.js";
import { nodeRuntime } from "../runtime/node-runtime.js";
import { ortRuntime } from "../runtime/ort-runtime.js";
import type { OnnxBackendOptions } from "./options.js";
import { registerOnnxBackend, useOnnx } from "./register-onnx-backend.js";

afterEach(() => {
  tf.engine().reset();
  if (tf.engine().findBackendFactory("onnx") !== null) {
    tf.removeBackend("onnx");
  }
});

describe("useOnnx", () => {
  it("starts the backend, and keeps it at further calls", async () => {
    const backend = await useOnnx();
    expect(tf.getBackend()).toBe("onnx");
    expect(tf.backend()).toBe(backend);
    expect([...tf.add(tf.tensor1d([1]), 1).dataSync()]).toEqual([2]);
    expect(await useOnnx()).toBe(backend);
    expect(backend.sessions().sessions).toBe(1);
    registerOnnxBackend();
    expect(tf.backend()).toBe(backend);
    expect(await useOnnx({ sessionCacheSize: 3 })).not.toBe(backend);
    expect((await useOnnx()).sessions().capacity).toBe(3);
  });

  it("starts again after a reset of TensorFlow.js's engine", async () => {
    const backend = await useOnnx({ sessionCacheSize: 3 });
    tf.engine().reset();
    const other = await useOnnx();
    expect(other).not.toBe(backend);
    expect(other.sessions().capacity).toBe(3);
    expect([...tf.add(tf.tensor1d([1]), 1).dataSync()]).toEqual([2]);
  });

  it("refuses wrong options, and what runs goes on", async () => {
    const backend = await useOnnx();
    for (const [options, message] of [
      [{ threads: 2 }, "threads: there is no such field"],
      [{ intraOpNumThreads: "2" }, 'intraOpNumThreads: expected a whole number of at least 1, got "2" (string)'],
      [{ executionProviders: ["onyx"] }, "The execution providers onyx could not be started"],
      [{ runtime: "binding", replay: true }, 'that can replay graphs, got "binding". In Node take runtime: "c-api"'],
      [{ runtime: { ...nodeRuntime(), name: "mine" }, replay: true }, "that can replay graphs, got mine. In Node take"],
      [{ executionProviders: ["coreml"], replay: true }, "coreml cannot. Leave replay out"],
      [{ executionProviders: [{ name: "dml", deviceId: 0 }, "cpu"], replay: true }, "dml cannot. Leave replay out"],
      [{ keepOnDevice: false, replay: true }, "got keepOnDevice: false. Leave out one of the two"],
      [null, "null"],
    ] as const) {
      const error = await useOnnx(options as OnnxBackendOptions).catch((caught: unknown) => caught);
      expect(ConfigError.isInstance(error), String(error)).toBe(true);
      expect(String(error)).toContain(message);
      expect(() => registerOnnxBackend(options as OnnxBackendOptions)).toThrow(ConfigError);
    }
    expect(tf.backend()).toBe(backend);
  });

  it("takes a runtime that says it can replay", async () => {
    const runtime = { ...nodeRuntime(), canReplay: true };
    expect((await useOnnx({ runtime, replay: true })).executor.runtime).toBe(runtime);
  });

  it("throws where a runtime of promises cannot start, with its reason", async () => {
    const broken = {
      Tensor: class {} as never,
      InferenceSession: { create: () => Promise.reject(new Error("no available backend found: wasm")) },
    };
    const error = await useOnnx({ runtime: ortRuntime(broken), executionProviders: ["wasm"] }).catch(
      (caught) => caught,
    );
    expect(ConfigError.isInstance(error)).toBe(true);
    expect(String(error)).toContain("no available backend found: wasm");
    expect(tf.engine().findBackendFactory("onnx")).toBeNull();
  });
});

describe("the search for onnxruntime-node", () => {
  it("goes on beside the program where a bundler took this file's place away", () => {
    expect(loadOrt(undefined).ort.InferenceSession.create).toBeTypeOf("function");
  });

  it("says why a package that is there cannot be loaded, and where it can", () => {
    const folder = mkdtempSync(join(tmpdir(), "mmgen-ort-"));
    try {
      const fake = join(folder, "node_modules/onnxruntime-node");
      mkdirSync(fake, { recursive: true });
      writeFileSync(join(fake, "index.js"), 'require("./bin/solaris/onnxruntime_binding.node")');
      const load = () => loadOrt(join(folder, "program.js"));
      expect(load).toThrow(ConfigError);
      expect(load).toThrow(/installed, but cannot be loaded on \w+ \w+: Cannot find module '.\/bin\/solaris.*Linux/s);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
