import { copyModel } from "./copy-model.js";
import type { ElementType, HostArray } from "./element-type.js";
import { loadOrt } from "./load-ort.js";
import type { OrtTensorConstructor, OrtTensorLike } from "./ort-module.js";
import { ortRuntime, outputLocations } from "./ort-runtime.js";
import { feedsByName, OrtTensor } from "./ort-tensor.js";
import {
  type Runtime,
  type RuntimeSession,
  type SessionOptions,
  type SessionOutput,
  sessionConfiguration,
} from "./runtime.js";

/** The native module that onnxruntime-node wraps. */
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
 * Loads ONNX Runtime's native package for Node.
 *
 * This file alone uses onnxruntime-node's internal `dist/binding.js`: its calls are synchronous, which `dataSync()`
 * needs, while the public API returns promises. If that file is missing or has changed, the public API is used, and
 * synchronous reads are the only thing missing.
 *
 * @throws `ConfigError` when onnxruntime-node is not installed or does not support this machine.
 */
export function nodeRuntime(): Runtime {
  const { ort, require } = loadOrt(import.meta.url as string | undefined);
  const binding = findBinding(require);
  return binding === undefined ? ortRuntime(ort) : bindingRuntime(binding, ort.Tensor);
}

function bindingRuntime(binding: Binding, Tensor: OrtTensorConstructor): Runtime {
  const load = (model: Uint8Array, options: object): BindingSession => {
    binding.initOrt?.();
    const session = new binding.binding.InferenceSession();
    session.loadModel(model.buffer, model.byteOffset, model.byteLength, options);
    return session;
  };
  const reader = new DeviceReader(load);
  return {
    name: "onnxruntime-node",
    synchronous: true,
    upload: (type, shape, data) => OrtTensor.upload(Tensor, type, shape, data),
    createSession(model, inputs, outputs, options) {
      const session = load(model, { ...nativeOptions(options), ...outputLocations(outputs) });
      return new BindingRuntimeSession(session, { inputs, outputs, options, reader });
    },
  };
}

interface SessionParts {
  readonly inputs: readonly string[];
  readonly outputs: readonly SessionOutput[];
  readonly options: SessionOptions;
  readonly reader: DeviceReader;
}

class BindingRuntimeSession implements RuntimeSession {
  readonly #session: BindingSession;
  readonly #parts: SessionParts;
  readonly #fetches: Record<string, null>;

  constructor(session: BindingSession, parts: SessionParts) {
    this.#session = session;
    this.#parts = parts;
    this.#fetches = Object.fromEntries(parts.outputs.map(({ name }) => [name, null]));
  }

  run(feeds: readonly OrtTensor[]): OrtTensor[] {
    const { inputs, outputs, options, reader } = this.#parts;
    const results = this.#session.run(feedsByName(inputs, feeds), this.#fetches, {});
    return outputs.map(({ name, onDevice }) =>
      onDevice ? new DeviceTensor(results[name]!, reader, options) : new OrtTensor(results[name]!),
    );
  }

  dispose(): void {
    if (this.#parts.options.profilePrefix !== undefined) {
      this.#session.endProfiling();
    }
    this.#session.dispose();
  }
}

/** A tensor on the device of an execution provider. */
class DeviceTensor extends OrtTensor {
  readonly #reader: DeviceReader;
  readonly #options: SessionOptions;

  constructor(tensor: OrtTensorLike, reader: DeviceReader, options: SessionOptions) {
    super(tensor);
    this.#reader = reader;
    this.#options = options;
  }

  override async download(): Promise<HostArray> {
    return this.downloadSync();
  }

  downloadSync(): HostArray {
    return this.#reader.read(this.tensor, this.#options);
  }
}

/**
 * Copies elements from a device to the host.
 *
 * It runs a session whose output goes to the host, because `getData()` of onnxruntime-node 1.30's device tensors ends
 * the process.
 */
class DeviceReader {
  readonly #reads = new Map<string, (tensor: OrtTensorLike) => HostArray>();

  readonly #load: (model: Uint8Array, options: object) => BindingSession;

  constructor(load: (model: Uint8Array, options: object) => BindingSession) {
    this.#load = load;
  }

  read(tensor: OrtTensorLike, options: SessionOptions): HostArray {
    const key = `${tensor.type} ${tensor.dims.length}`;
    const read = this.#reads.get(key) ?? this.#make(tensor, options);
    this.#reads.set(key, read);
    return read(tensor);
  }

  #make({ type, dims }: OrtTensorLike, options: SessionOptions): (tensor: OrtTensorLike) => HostArray {
    const { bytes, input, output } = copyModel(type as ElementType, dims.length);
    const session = this.#load(bytes, { ...nativeOptions(options), intraOpNumThreads: 1, enableProfiling: false });
    return (tensor) => session.run({ [input]: tensor }, { [output]: null }, {})[output]!.data as HostArray;
  }
}

function nativeOptions(options: SessionOptions): object {
  return {
    intraOpNumThreads: options.intraOpNumThreads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    enableMemPattern: options.memoryPattern ?? true,
    graphOptimizationLevel: options.graphOptimizationLevel,
    executionProviders: [...options.executionProviders],
    // 4 logs fatal errors only: other failures are thrown with ONNX Runtime's message.
    logSeverityLevel: 4,
    ...sessionConfiguration(options),
    ...(options.profilePrefix === undefined
      ? undefined
      : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
}

function findBinding(require: (id: string) => unknown): Binding | undefined {
  try {
    const found = require("onnxruntime-node/dist/binding.js") as Partial<Binding> | undefined;
    return typeof found?.binding?.InferenceSession === "function" ? (found as Binding) : undefined;
  } catch {
    return undefined;
  }
}
