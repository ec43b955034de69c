import type { ElementType, HostArray } from "./element-type.js";
import {
  type Runtime,
  type RuntimeSession,
  type RuntimeTensor,
  type SessionOutput,
  sessionConfiguration,
} from "./runtime.js";

/** The parts of `onnxruntime-web` and `onnxruntime-node` that this package uses. */
export interface OrtModule {
  readonly Tensor: OrtTensorConstructor;
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<OrtSessionLike>;
  };
}

/** The parts of an ONNX Runtime package's session that this package uses. */
export interface OrtSessionLike {
  run(feeds: Record<string, OrtTensorLike>): Promise<Record<string, OrtTensorLike>>;
  release(): Promise<void>;
}

/** The parts of an ONNX Runtime package's `Tensor` that this package uses. */
export interface OrtTensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  readonly size: number;
  readonly location: string;
  getData(): Promise<unknown>;
  dispose(): void;
}

/** Makes a tensor of elements on the host. */
export type OrtTensorConstructor = new (
  type: ElementType,
  // biome-ignore lint/suspicious/noExplicitAny: ONNX Runtime overloads its constructor by element type.
  data: any,
  shape: readonly number[],
) => OrtTensorLike;

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
    upload: (type, shape, data) => OrtTensor.upload(ort.Tensor, type, shape, data),
    async createSession(model, inputs, outputs, options) {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: [...options.executionProviders],
        graphOptimizationLevel: options.graphOptimizationLevel,
        intraOpNumThreads: options.intraOpNumThreads,
        // 4 logs fatal errors only: other failures are thrown.
        logSeverityLevel: 4,
        ...sessionConfiguration(options),
        ...outputLocations(outputs),
      });
      return new AsyncSession(session, inputs, outputs);
    },
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

  async run(feeds: readonly OrtTensor[]): Promise<OrtTensor[]> {
    const results = await this.#session.run(feedsByName(this.#inputs, feeds));
    return this.#outputs.map(({ name }) => new OrtTensor(results[name]!));
  }

  dispose(): void {
    void this.#session.release();
  }
}

/** A tensor of any ONNX Runtime package as {@link RuntimeTensor}. */
export class OrtTensor implements RuntimeTensor {
  constructor(readonly tensor: OrtTensorLike) {}

  static upload(Tensor: OrtTensorConstructor, type: ElementType, shape: readonly number[], data: HostArray): OrtTensor {
    return new OrtTensor(new Tensor(type, data, shape));
  }

  get host(): HostArray | undefined {
    return this.tensor.location.startsWith("cpu") ? (this.tensor.data as HostArray) : undefined;
  }

  get byteLength(): number {
    return this.host?.byteLength ?? this.tensor.size * 4;
  }

  async download(): Promise<HostArray> {
    return (await this.tensor.getData()) as HostArray;
  }

  dispose(): void {
    if (this.host === undefined) {
      this.tensor.dispose();
    }
  }
}

/** Feeds by the names of a session's inputs. */
export function feedsByName(inputs: readonly string[], feeds: readonly OrtTensor[]): Record<string, OrtTensorLike> {
  const named: Record<string, OrtTensorLike> = {};
  for (let i = 0; i < feeds.length; i++) {
    named[inputs[i]!] = feeds[i]!.tensor;
  }
  return named;
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
