import { checkCapture } from "../replay/check-capture.js";
import type { Links } from "../replay/observed-runs.js";
import type { ElementType, HostArray } from "../runtime/element-type.js";
import type { Runtime, SessionOptions, SessionOutput } from "../runtime/runtime.js";
import type { Arena } from "./arena.js";
import { CApiSession } from "./c-api-session.js";
import { type CApiTensor, HostValue } from "./c-api-tensor.js";
import { CapturedSteps } from "./captured-steps.js";
import { DeviceCopier } from "./device-copier.js";
import { type Environment, openEnvironment } from "./environment.js";
import { NativeNames } from "./ort-api.js";
import { capturing, type ResolvedProvider, resolveProviders } from "./provider-options.js";
import { ReplayingSession } from "./replaying-session.js";
import { makeSessionOptions } from "./session-options.js";

/**
 * ONNX Runtime through its C API, called by koffi: one pool of threads and, on the host and on each CUDA card, one
 * arena for all sessions, and results that stay in the provider's memory.
 *
 * @param threads - Threads of the shared pool; the first runtime of the process makes it.
 * @throws `ConfigError` where koffi or the library that onnxruntime-node ships is missing, naming which.
 */
export function cApiRuntime(threads: number): Runtime {
  return new CApiRuntime(openEnvironment(threads));
}

/** What a session is created of. */
interface NewSession {
  readonly model: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly SessionOutput[];
  readonly options: SessionOptions;
}

interface OpenSession {
  readonly handle: bigint;
  /** Threads that it keeps beside the calling one. */
  readonly threads: number;
  readonly arenas: readonly Arena[];
}

class CApiRuntime implements Runtime {
  readonly name = "ONNX Runtime's C API";
  readonly synchronous = true;
  readonly readsSharedMemory = true;
  readonly canReplay = true;
  readonly #environment: Environment;
  /** By the memory of the tensors that they copy. */
  readonly #copiers = new Map<bigint, DeviceCopier>();
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
  ): CApiSession | ReplayingSession {
    const session = { model, inputs, outputs, options };
    const plain = this.#createPlain(session);
    return options.replay && outputs.some(({ onDevice }) => onDevice)
      ? new ReplayingSession(plain, (feeds, links) => this.#capture(session, feeds, links))
      : plain;
  }

  dispose(): void {
    for (const copier of this.#copiers.values()) {
      copier.dispose();
    }
    this.#copiers.clear();
    for (const memory of this.#memories.values()) {
      this.#environment.api.do.ReleaseMemoryInfo(memory);
    }
    this.#memories.clear();
  }

  #createPlain({ model, inputs, outputs, options }: NewSession): CApiSession {
    const providers = resolveProviders(options.executionProviders);
    const { arenas, ...opened } = this.#open(model, options, providers);
    return new CApiSession({
      ...{ environment: this.#environment, inputs, outputs, ...opened },
      deviceMemory: this.#memoryOf(providers[0]),
      isProfiled: options.profilePrefix !== undefined,
      read: (value) => this.#copierFor(options, providers[0]).read(value),
      onReleased: () => {
        for (const arena of arenas) {
          arena.shrink();
        }
      },
    });
  }

  /** Compiles a session's graph once more, to be captured. */
  #capture({ model, inputs, outputs, options }: NewSession, feeds: readonly CApiTensor[], links: Links): CapturedSteps {
    checkCapture(options, [...feeds, ...outputs]);
    const [first, ...others] = resolveProviders(options.executionProviders);
    const providers = first === undefined ? [] : [capturing(first), ...others];
    const { handle } = this.#open(model, { ...options, profilePrefix: undefined }, providers);
    const { api } = this.#environment;
    const outputNames = outputs.map(({ name }) => name);
    return new CapturedSteps(
      {
        ...{ api, session: handle, outputs, links, captures: first !== undefined },
        inputNames: new NativeNames(api.koffi, inputs),
        outputNames: new NativeNames(api.koffi, outputNames),
        copier: this.#copierFor(options, first),
      },
      feeds,
    );
  }

  #open(model: Uint8Array, options: SessionOptions, providers: readonly ResolvedProvider[]): OpenSession {
    const { api, handle: environment } = this.#environment;
    const native = makeSessionOptions(this.#environment, options, providers);
    try {
      const handle = api.make("CreateSessionFromArray", environment, model, model.byteLength, native.handle);
      return { ...native, handle };
    } finally {
      api.do.ReleaseSessionOptions(native.handle);
    }
  }

  #copierFor(options: SessionOptions, provider: ResolvedProvider | undefined): DeviceCopier {
    const memory = this.#memoryOf(provider);
    const found = this.#copiers.get(memory);
    if (found !== undefined) {
      return found;
    }
    const plain = { ...options, intraOpNumThreads: 1, profilePrefix: undefined };
    const made = new DeviceCopier((model, inputs, outputs) =>
      this.#createPlain({ model, inputs, outputs, options: plain }),
    );
    this.#copiers.set(memory, made);
    return made;
  }

  #memoryOf(provider: ResolvedProvider | undefined): bigint {
    if (provider?.memory === undefined) {
      return this.#environment.hostMemory;
    }
    const { name, deviceId } = provider.memory;
    const key = `${name} ${deviceId}`;
    const found = this.#memories.get(key) ?? this.#environment.api.make("CreateMemoryInfo", name, 0, deviceId, 0);
    this.#memories.set(key, found);
    return found;
  }
}
