import { copyModel } from "../runtime/copy-model.js";
import type { ElementType, HostArray } from "../runtime/element-type.js";
import type { Runtime, SessionOptions, SessionOutput } from "../runtime/runtime.js";
import { CApiSession } from "./c-api-session.js";
import { type DeviceValue, HostValue } from "./c-api-tensor.js";
import { type Environment, openEnvironment } from "./environment.js";
import { resolveProviders } from "./provider-options.js";
import { makeSessionOptions } from "./session-options.js";

/**
 * ONNX Runtime through its C API, called by koffi: one pool of threads and one arena for all sessions, and results that
 * stay in the provider's memory.
 *
 * @param threads - Threads of the shared pool; the first runtime of the process makes it.
 * @throws `ConfigError` where koffi or the library that onnxruntime-node ships is missing, naming which.
 */
export function cApiRuntime(threads: number): Runtime {
  return new CApiRuntime(openEnvironment(threads));
}

/** A tensor's form on the device: the same session copies all that share it. */
type Form = `${ElementType} ${number}`;

class CApiRuntime implements Runtime {
  readonly name = "ONNX Runtime's C API";
  readonly synchronous = true;
  readonly #environment: Environment;
  readonly #readers = new Map<Form, CApiSession>();
  readonly #memories = new Map<string, bigint>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  upload(type: ElementType, shape: readonly number[], data: HostArray): HostValue {
    return new HostValue(type, shape, data);
  }

  createSession(
    model: Uint8Array,
    inputs: readonly string[],
    outputs: readonly SessionOutput[],
    options: SessionOptions,
  ): CApiSession {
    const { api, arena, handle } = this.#environment;
    const providers = resolveProviders(options.executionProviders);
    const native = makeSessionOptions(this.#environment, options, providers);
    try {
      return new CApiSession({
        ...{ environment: this.#environment, inputs, outputs, threads: native.threads },
        handle: api.make("CreateSessionFromArray", handle, model, model.byteLength, native.handle),
        deviceMemory: this.#memoryOf(providers[0]?.memory),
        isProfiled: options.profilePrefix !== undefined,
        read: (value) => this.#read(value, options),
        onReleased: () => arena?.shrink(),
      });
    } finally {
      api.do.ReleaseSessionOptions(native.handle);
    }
  }

  dispose(): void {
    for (const reader of this.#readers.values()) {
      reader.dispose();
    }
    this.#readers.clear();
    for (const memory of this.#memories.values()) {
      this.#environment.api.do.ReleaseMemoryInfo(memory);
    }
    this.#memories.clear();
  }

  /** Copies a tensor to the host, by a session with an output there. */
  #read(value: DeviceValue, options: SessionOptions): HostArray {
    const form: Form = `${value.type} ${value.shape.length}`;
    const reader = this.#readers.get(form) ?? this.#makeReader(value, options);
    this.#readers.set(form, reader);
    const host = HostValue.empty(value.type, value.shape);
    reader.runInto([value], [host]);
    return host.host;
  }

  #makeReader({ type, shape }: DeviceValue, options: SessionOptions): CApiSession {
    const { bytes, input, output } = copyModel(type, shape.length);
    const outputs = [{ name: output, onDevice: false, type, shape }];
    return this.createSession(bytes, [input], outputs, {
      ...options,
      intraOpNumThreads: 1,
      profilePrefix: undefined,
    });
  }

  #memoryOf(memory: { readonly name: string; readonly deviceId: number } | undefined): bigint {
    if (memory === undefined) {
      return this.#environment.hostMemory;
    }
    const { name, deviceId } = memory;
    const key = `${name} ${deviceId}`;
    const found = this.#memories.get(key) ?? this.#environment.api.make("CreateMemoryInfo", name, 0, deviceId, 0);
    this.#memories.set(key, found);
    return found;
  }
}
