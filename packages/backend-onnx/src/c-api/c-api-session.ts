import { type HostArray, onnxTypeCodes } from "../runtime/element-type.js";
import type { RuntimeSession, SessionOutput } from "../runtime/runtime.js";
import { type CApiTensor, DeviceValue, HostValue } from "./c-api-tensor.js";
import type { Environment } from "./environment.js";
import { NativeNames } from "./ort-api.js";

/** What a {@link CApiSession} is made of. */
export interface CApiSessionParts {
  readonly environment: Environment;
  readonly handle: bigint;
  readonly inputs: readonly string[];
  readonly outputs: readonly SessionOutput[];
  /** Threads that it keeps beside the calling one. */
  readonly threads: number;
  /** The memory in which outputs stay that are to stay on the device. */
  readonly deviceMemory: bigint;
  readonly isProfiled: boolean;
  /** Copies a tensor from the device to the host. */
  read(value: DeviceValue): HostArray;
  /** Called once the session is gone. */
  onReleased(): void;
}

/**
 * A compiled graph behind ONNX Runtime's C API.
 *
 * Outputs that go to the host are written straight into arrays of JavaScript. Those that stay on the device live in
 * memory of the session or of its arena: the session is released with the last of them.
 */
export class CApiSession implements RuntimeSession {
  readonly threads: number;
  readonly #parts: CApiSessionParts;
  readonly #inputNames: NativeNames;
  readonly #outputNames: NativeNames;
  /** Present where outputs stay on the device. */
  readonly #binding: bigint | undefined;
  readonly #inputs: BigUint64Array;
  readonly #outputs: BigUint64Array;
  #onDevice = 0;
  #isDisposed = false;

  constructor(parts: CApiSessionParts) {
    const { environment, handle, inputs, outputs, threads } = parts;
    this.#parts = parts;
    this.threads = threads;
    this.#inputNames = new NativeNames(environment.api.koffi, inputs);
    this.#outputNames = new NativeNames(
      environment.api.koffi,
      outputs.map(({ name }) => name),
    );
    this.#inputs = new BigUint64Array(inputs.length);
    this.#outputs = new BigUint64Array(outputs.length);
    this.#binding = outputs.some(({ onDevice }) => onDevice)
      ? environment.api.make("CreateIoBinding", handle)
      : undefined;
  }

  run(feeds: readonly CApiTensor[]): CApiTensor[] {
    const hosts = this.#parts.outputs.map(({ onDevice, type, shape }) =>
      onDevice ? undefined : HostValue.empty(type, shape),
    );
    return this.runInto(feeds, hosts);
  }

  /**
   * Runs the graph.
   *
   * @param targets - What to write each output to; undefined for new memory on the device.
   * @throws KernelError with ONNX Runtime's reason.
   */
  runInto(feeds: readonly CApiTensor[], targets: readonly (CApiTensor | undefined)[]): CApiTensor[] {
    const borrowed: bigint[] = [];
    const borrow = (value: HostValue): bigint => {
      const handle = this.#borrow(value);
      borrowed.push(handle);
      return handle;
    };
    try {
      const handleOf = (value: CApiTensor) => (value instanceof HostValue ? borrow(value) : value.handle);
      feeds.forEach((feed, i) => {
        this.#inputs[i] = handleOf(feed);
      });
      targets.forEach((target, i) => {
        this.#outputs[i] = target === undefined ? 0n : handleOf(target);
      });
      return this.#binding === undefined
        ? this.#run(targets as readonly HostValue[])
        : this.#runBound(this.#binding, targets);
    } finally {
      for (const handle of borrowed) {
        this.#parts.environment.api.do.ReleaseValue(handle);
      }
    }
  }

  dispose(): void {
    if (!this.#isDisposed) {
      this.#isDisposed = true;
      this.#releaseIfUnused();
    }
  }

  #run(results: readonly HostValue[]): HostValue[] {
    const { environment, handle } = this.#parts;
    const [inputs, outputs] = [this.#inputNames, this.#outputNames];
    environment.api.call.Run(
      ...([handle, null, inputs.addresses, this.#inputs, inputs.count] as const),
      ...([outputs.addresses, outputs.count, this.#outputs] as const),
    );
    return [...results];
  }

  #runBound(binding: bigint, targets: readonly (CApiTensor | undefined)[]): CApiTensor[] {
    const { deviceMemory, environment, handle } = this.#parts;
    const { call, do: release } = environment.api;
    try {
      this.#inputs.forEach((value, i) => void call.BindInput(binding, this.#inputNames.addresses[i]!, value));
      this.#outputs.forEach((value, i) => {
        const name = this.#outputNames.addresses[i]!;
        if (targets[i] === undefined) {
          call.BindOutputToDevice(binding, name, deviceMemory);
        } else {
          call.BindOutput(binding, name, value);
        }
      });
      call.RunWithBinding(handle, null, binding);
      return this.#takeResults(binding, targets);
    } finally {
      release.ClearBoundInputs(binding);
      release.ClearBoundOutputs(binding);
    }
  }

  #takeResults(binding: bigint, targets: readonly (CApiTensor | undefined)[]): CApiTensor[] {
    const { api, allocator } = this.#parts.environment;
    const [list, count] = [new BigUint64Array(1), new BigUint64Array(1)];
    api.call.GetBoundOutputValues(binding, allocator, list, count);
    const handles = api.koffi.decode(list[0]!, "void*", Number(count[0])) as bigint[];
    api.call.AllocatorFree(allocator, list[0]!);
    return handles.map((result, i) => {
      const target = targets[i];
      if (target !== undefined) {
        api.do.ReleaseValue(result);
        return target;
      }
      return this.#keep(result, this.#parts.outputs[i]!);
    });
  }

  #keep(handle: bigint, { type, shape }: SessionOutput): DeviceValue {
    const { environment, read } = this.#parts;
    this.#onDevice++;
    const release = () => {
      environment.api.do.ReleaseValue(handle);
      this.#onDevice--;
      this.#releaseIfUnused();
    };
    return new DeviceValue({ type, shape, handle, read, release });
  }

  /** An `OrtValue` over an array of JavaScript, which has to live as long. */
  #borrow({ type, shape, host }: HostValue): bigint {
    const { api, hostMemory } = this.#parts.environment;
    const sizes = BigInt64Array.from(shape, BigInt);
    const code = onnxTypeCodes[type];
    return api.make(
      "CreateTensorWithDataAsOrtValue",
      ...([hostMemory, host, host.byteLength, sizes, sizes.length, code] as const),
    );
  }

  #releaseIfUnused(): void {
    if (!this.#isDisposed || this.#onDevice > 0) {
      return;
    }
    const { environment, handle, isProfiled, onReleased } = this.#parts;
    const { api, allocator } = environment;
    if (isProfiled) {
      api.call.AllocatorFree(allocator, api.make("SessionEndProfiling", handle, allocator));
    }
    if (this.#binding !== undefined) {
      api.do.ReleaseIoBinding(this.#binding);
    }
    api.do.ReleaseSession(handle);
    onReleased();
  }
}
