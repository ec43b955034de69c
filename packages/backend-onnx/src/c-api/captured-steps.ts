import type { Links } from "../replay/observed-runs.js";
import { idleBytes, SwappedSets } from "../replay/swapped-sets.js";
import type { HostArray } from "../runtime/element-type.js";
import type { SessionOutput } from "../runtime/runtime.js";
import { type CApiTensor, DeviceValue, HostValue } from "./c-api-tensor.js";
import type { DeviceCopier } from "./device-copier.js";
import type { NativeNames, OrtApi } from "./ort-api.js";

/** What {@link CapturedSteps} are made of. */
export interface CapturedStepsParts {
  readonly api: OrtApi;
  /** A session that captures what it runs; released with the steps. */
  readonly session: bigint;
  readonly inputNames: NativeNames;
  readonly outputNames: NativeNames;
  readonly outputs: readonly SessionOutput[];
  readonly links: Links;
  readonly copier: DeviceCopier;
  /** Whether the provider captures: the cpu's memory has the same buffers, and runs every time. */
  readonly captures: boolean;
}

/** How a run finds its buffers, and its captured graph. */
interface Binding {
  readonly handle: bigint;
  readonly runOptions: bigint;
}

/** A graph whose runs follow each other, bound to {@link SwappedSets} of buffers: a captured graph for either set. */
export class CapturedSteps {
  readonly #parts: CapturedStepsParts;
  readonly #outputs: readonly [readonly DeviceValue[], readonly DeviceValue[]];
  readonly #sets: SwappedSets<CApiTensor, DeviceValue, DeviceValue>;
  readonly #bindings: readonly [Binding, Binding];
  /** All buffers. */
  readonly #buffers: DeviceValue[] = [];
  #isDisposed = false;

  /**
   * @param feeds - Those of the first run to come.
   * @throws KernelError where there is no memory for the buffers; the session is released then.
   */
  constructor(parts: CapturedStepsParts, feeds: readonly CApiTensor[]) {
    this.#parts = parts;
    const { api, copier, links, outputs, session } = parts;
    const buffer = (from: CApiTensor): DeviceValue => {
      const made = copier.copy(from);
      this.#buffers.push(made);
      return made;
    };
    try {
      const inputs = feeds.map((feed, i) => (links[i] === undefined ? buffer(feed) : undefined));
      const set = () => outputs.map(({ type, shape }) => buffer(HostValue.empty(type, shape)));
      this.#outputs = [set(), set()];
      this.#sets = new SwappedSets({
        ...{ links, inputs, outputs: this.#outputs },
        write: (from, to) => copier.write(from, to),
        move: (value) => {
          const moved = copier.copy(value);
          value.move({ handle: moved.handle, release: () => moved.dispose() });
        },
      });
      this.#bindings = [this.#bind(0), this.#bind(1)];
    } catch (error) {
      api.do.ReleaseSession(session);
      this.#disposeBuffers();
      throw error;
    }
  }

  /** Bytes of the buffers in which no tensor lies that was handed out and still lives. */
  get idleBytes(): number {
    const bytes = (values: readonly DeviceValue[]) => values.map(({ byteLength }) => byteLength);
    return idleBytes(bytes(this.#buffers), bytes(this.#sets.living));
  }

  run(feeds: readonly CApiTensor[]): CApiTensor[] {
    const { api, outputs, session } = this.#parts;
    const turn = this.#sets.prepare(feeds);
    const { handle, runOptions } = this.#bindings[turn];
    api.call.RunWithBinding(session, runOptions, handle);
    const results = outputs.map((output, i) => this.#result(this.#outputs[turn][i]!, output));
    this.#sets.swap(results.map((result) => (result instanceof DeviceValue ? result : undefined)));
    return results;
  }

  dispose(): void {
    if (this.#isDisposed) {
      return;
    }
    this.#isDisposed = true;
    const { api, session } = this.#parts;
    this.#sets.empty();
    for (const { handle, runOptions } of this.#bindings) {
      api.do.ReleaseIoBinding(handle);
      api.do.ReleaseRunOptions(runOptions);
    }
    // Its captured graphs go with it, and only then their buffers.
    api.do.ReleaseSession(session);
    this.#disposeBuffers();
  }

  #disposeBuffers(): void {
    for (const buffer of this.#buffers) {
      buffer.dispose();
    }
  }

  #bind(turn: 0 | 1): Binding {
    const { api, captures, inputNames, outputNames, session } = this.#parts;
    const handle = api.make("CreateIoBinding", session);
    this.#sets.inputsOf(turn).forEach((input, i) => {
      api.call.BindInput(handle, inputNames.addresses[i]!, input.handle);
    });
    this.#outputs[turn].forEach((output, i) => {
      api.call.BindOutput(handle, outputNames.addresses[i]!, output.handle);
    });
    const runOptions = api.make("CreateRunOptions");
    if (captures) {
      api.call.AddRunConfigEntry(runOptions, "gpu_graph_id", `${turn + 1}`);
    }
    return { handle, runOptions };
  }

  #result(buffer: DeviceValue, { onDevice, type, shape }: SessionOutput): CApiTensor {
    const { copier } = this.#parts;
    const read = (value: DeviceValue): HostArray => copier.read(value);
    return onDevice
      ? new DeviceValue({ type, shape, handle: buffer.handle, read, release: () => {} })
      : new HostValue(type, shape, copier.read(buffer));
  }
}
