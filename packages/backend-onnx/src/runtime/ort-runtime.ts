import { AsyncReplayingSession } from "../replay/async-replaying-session.js";
import { checkCapture } from "../replay/check-capture.js";
import { PageSteps } from "../replay/page-steps.js";
import type { OrtModule, OrtSessionLike } from "./ort-module.js";
import { feedsByName, type OrtFeed, OrtTensor } from "./ort-tensor.js";
import {
  type Runtime,
  type RuntimeSession,
  type SessionOptions,
  type SessionOutput,
  sessionConfiguration,
} from "./runtime.js";

/**
 * Wraps any ONNX Runtime package as a runtime through its public API, in which every call returns a promise.
 *
 * @param ort - The module, for instance `import * as ort from "onnxruntime-web"`.
 * @returns A runtime for `registerOnnxBackend({ runtime })`; tensors can then be read with `await tensor.data()` only.
 */
export function ortRuntime(ort: OrtModule): Runtime {
  return {
    name: "onnxruntime",
    synchronous: false,
    canReplay: true,
    upload: (type, shape, data) => OrtTensor.upload(ort.Tensor, type, shape, data),
    async createSession(model, inputs, outputs, options) {
      const compile = (model: Uint8Array, further: object) =>
        ort.InferenceSession.create(model, { ...packageOptions(options), ...further });
      const plain = new AsyncSession(await compile(model, outputLocations(outputs)), inputs, outputs);
      if (!options.replay || !outputs.some(({ onDevice }) => onDevice)) {
        return plain;
      }
      return new AsyncReplayingSession(plain, async (feeds, links) => {
        checkCapture(options, [...feeds.map(({ tensor }) => tensor), ...outputs]);
        return PageSteps.capture({ ort, model, inputs, outputs, links, compile }, feeds);
      });
    },
  };
}

function packageOptions(options: SessionOptions): object {
  return {
    executionProviders: [...options.executionProviders],
    graphOptimizationLevel: options.graphOptimizationLevel,
    intraOpNumThreads: options.intraOpNumThreads,
    enableMemPattern: options.memoryPattern ?? true,
    // 4 logs fatal errors only: other failures are thrown.
    logSeverityLevel: 4,
    ...sessionConfiguration(options),
  };
}

class AsyncSession implements RuntimeSession {
  readonly #session: OrtSessionLike;
  readonly #inputs: readonly string[];
  readonly #outputs: readonly SessionOutput[];

  constructor(session: OrtSessionLike, inputs: readonly string[], outputs: readonly SessionOutput[]) {
    this.#session = session;
    this.#inputs = inputs;
    this.#outputs = outputs;
  }

  async run(feeds: readonly OrtFeed[]): Promise<OrtTensor[]> {
    const results = await this.#session.run(feedsByName(this.#inputs, feeds));
    return this.#outputs.map(({ name }) => new OrtTensor(results[name]!));
  }

  dispose(): void {
    void this.#session.release();
  }
}

/** The session option that says which outputs stay on the device. */
export function outputLocations(outputs: readonly SessionOutput[]): object {
  return outputs.some(({ onDevice }) => onDevice)
    ? {
        preferredOutputLocation: Object.fromEntries(
          outputs.map(({ name, onDevice }) => [name, onDevice ? "gpu-buffer" : "cpu"]),
        ),
      }
    : {};
}
