import { OrtTensor, type OrtTensorConstructor, type OrtTensorLike, outputLocations } from "./ort-tensor.js";
import type { Runtime, RuntimeSession, SessionOutput } from "./runtime.js";

/** What this package uses of `onnxruntime-web` or `onnxruntime-node`. */
export interface OrtModule {
  readonly Tensor: OrtTensorConstructor;
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<OrtSessionLike>;
  };
}

interface OrtSessionLike {
  run(feeds: Record<string, OrtTensorLike>): Promise<Record<string, OrtTensorLike>>;
  release(): Promise<void>;
}

/**
 * Any ONNX Runtime package through its public API, in which everything is a promise.
 *
 * @param ort - the module, for instance `import * as ort from "onnxruntime-web"`.
 * @returns a runtime for `registerOnnxBackend({ runtime })`; tensors are then read with `await tensor.data()` only.
 */
export function ortRuntime(ort: OrtModule): Runtime {
  return {
    name: "onnxruntime",
    synchronous: false,
    upload: (type, shape, data) => OrtTensor.upload(ort.Tensor, type, shape, data),
    async createSession(model, inputs, outputs, options) {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [...options.executionProviders],
        graphOptimizationLevel: options.graphOptimizationLevel,
        intraOpNumThreads: options.intraOpNumThreads,
        // Nothing that is not fatal: what fails is thrown.
        logSeverityLevel: 4,
        ...outputLocations(outputs),
      });
      return new PromisedSession(session, inputs, outputs);
    },
  };
}

class PromisedSession implements RuntimeSession {
  constructor(
    private readonly session: OrtSessionLike,
    private readonly inputs: readonly string[],
    private readonly outputs: readonly SessionOutput[],
  ) {}

  async run(feeds: readonly OrtTensor[]): Promise<OrtTensor[]> {
    const named: Record<string, OrtTensorLike> = {};
    for (let i = 0; i < feeds.length; i++) {
      named[this.inputs[i]!] = feeds[i]!.tensor;
    }
    const results = await this.session.run(named);
    return this.outputs.map(({ name }) => new OrtTensor(results[name]!));
  }

  dispose(): void {
    void this.session.release();
  }
}
