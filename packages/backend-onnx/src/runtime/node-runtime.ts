import { ConfigError } from "@mmgen/core";
import { type OrtModule, ortRuntime } from "./ort-runtime.js";
import { OrtTensor, type OrtTensorConstructor, type OrtTensorLike } from "./ort-tensor.js";
import type { Runtime, RuntimeSession, SessionOptions } from "./runtime.js";

/** The native binding under onnxruntime-node's promises. */
interface Binding {
  readonly binding: { readonly InferenceSession: new () => BindingSession };
  initOrt?(): void;
}

interface BindingSession {
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: object): void;
  run(
    feeds: Record<string, OrtTensorLike>,
    fetches: Record<string, null>,
    options: object,
  ): Record<string, OrtTensorLike>;
  endProfiling(): void;
  dispose(): void;
}

/**
 * ONNX Runtime's native package for Node.
 *
 * The only place that touches onnxruntime-node's `dist/binding.js`: its calls are synchronous, which `dataSync()` needs
 * and the public, promise-returning API hides. Where that file is not as expected, the public API is used and only
 * synchronous reads are missing.
 *
 * @throws a {@link ConfigError} when onnxruntime-node is not installed or does not support this machine.
 */
export function nodeRuntime(): Runtime {
  const require = nodeRequire();
  let ort: OrtModule;
  try {
    ort = require("onnxruntime-node") as OrtModule;
  } catch (cause) {
    throw new ConfigError(
      "The onnx backend needs the package onnxruntime-node, which could not be loaded here. " +
        "Install it (npm install onnxruntime-node), or pass a runtime: registerOnnxBackend({ runtime: ortRuntime(ort) }).",
      { cause },
    );
  }
  const binding = findBinding(require);
  return binding === null ? ortRuntime(ort) : bindingRuntime(binding, ort.Tensor);
}

function bindingRuntime(binding: Binding, Tensor: OrtTensorConstructor): Runtime {
  return {
    name: "onnxruntime-node",
    synchronous: true,
    upload: (type, shape, data) => OrtTensor.upload(Tensor, type, shape, data),
    createSession(model, inputs, outputs, options) {
      binding.initOrt?.();
      const session = new binding.binding.InferenceSession();
      session.loadModel(model.buffer, model.byteOffset, model.byteLength, nativeOptions(options));
      return new BindingRuntimeSession(session, inputs, outputs, options.profilePrefix !== null);
    },
  };
}

class BindingRuntimeSession implements RuntimeSession {
  readonly #fetches: Record<string, null>;

  constructor(
    private readonly session: BindingSession,
    private readonly inputs: readonly string[],
    private readonly outputs: readonly string[],
    private readonly profiled: boolean,
  ) {
    this.#fetches = Object.fromEntries(outputs.map((name) => [name, null]));
  }

  run(feeds: readonly OrtTensor[]): OrtTensor[] {
    const named: Record<string, OrtTensorLike> = {};
    for (let i = 0; i < feeds.length; i++) {
      named[this.inputs[i]!] = feeds[i]!.tensor;
    }
    const results = this.session.run(named, this.#fetches, {});
    return this.outputs.map((name) => new OrtTensor(results[name]!));
  }

  dispose(): void {
    if (this.profiled) {
      this.session.endProfiling();
    }
    this.session.dispose();
  }
}

function nativeOptions(options: SessionOptions): object {
  return {
    intraOpNumThreads: options.intraOpNumThreads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: options.graphOptimizationLevel,
    executionProviders: [...options.executionProviders],
    // 3: errors only. A warning about a fold that was not possible helps no caller.
    logSeverityLevel: 3,
    ...(options.profilePrefix === null
      ? undefined
      : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
}

function findBinding(require: (id: string) => unknown): Binding | null {
  try {
    const found = require("onnxruntime-node/dist/binding.js") as Partial<Binding> | undefined;
    return typeof found?.binding?.InferenceSession === "function" ? (found as Binding) : null;
  } catch {
    return null;
  }
}

/** `require` of this very file, reached without importing anything a browser lacks. */
function nodeRequire(): (id: string) => unknown {
  const nodeModule = globalThis.process?.getBuiltinModule?.("node:module");
  if (nodeModule === undefined) {
    throw new ConfigError(
      "Outside Node the onnx backend takes its runtime as an option: " +
        'import * as ort from "onnxruntime-web" and call registerOnnxBackend({ runtime: ortRuntime(ort) }).',
    );
  }
  return nodeModule.createRequire(import.meta.url);
}
