import type { HostArray } from "../runtime/element-type.js";
import type { SessionOutput } from "../runtime/runtime.js";
import { type CApiTensor, DeviceValue, HostValue } from "./c-api-tensor.js";
import type { DeviceCopier } from "./device-copier.js";
import type { NativeNames, OrtApi } from "./ort-api.js";

/** For each feed of a run the output of the run before that it is; one feed at most for each output. */
export type Links = readonly (number | undefined)[];

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

/** Buffers of the outputs of every other run. */
interface BufferSet {
  readonly outputs: readonly DeviceValue[];
  /** What was handed out for each output, and may still live. */
  readonly handedOut: (DeviceValue | undefined)[];
  readonly binding: bigint;
  readonly runOptions: bigint;
}

/**
 * A graph whose runs follow each other, bound to fixed addresses: two sets of buffers that swap roles. A run reads what
 * the one before wrote, and writes where that one read; nothing is allocated or copied but inputs that are new.
 *
 * What a run hands out stays what it is: a tensor that still lives when its buffer is written again is moved first.
 */
export class CapturedSteps {
  readonly #parts: CapturedStepsParts;
  /** Buffers of inputs that no output replaces, and what they hold: a tensor's elements never change. */
  readonly #inputs: (DeviceValue | undefined)[];
  readonly #held: (CApiTensor | undefined)[] = [];
  readonly #sets: readonly [BufferSet, BufferSet];
  /** All buffers. */
  readonly #buffers: DeviceValue[] = [];
  #turn = 0;
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
      this.#inputs = feeds.map((feed, i) => (links[i] === undefined ? buffer(feed) : undefined));
      const [first, second] = [1, 2].map(() => outputs.map(({ type, shape }) => buffer(HostValue.empty(type, shape))));
      this.#sets = [this.#bind(first!, second!, 1), this.#bind(second!, first!, 2)];
    } catch (error) {
      api.do.ReleaseSession(session);
      this.#disposeBuffers();
      throw error;
    }
  }

  /** Bytes of the buffers in which no tensor lies that was handed out and still lives. */
  get idleBytes(): number {
    const inUse = this.#sets.flatMap(({ handedOut }) => handedOut.filter((value) => value?.isReleased === false));
    return sumOfBytes(this.#buffers) - sumOfBytes(inUse);
  }

  run(feeds: readonly CApiTensor[]): CApiTensor[] {
    const { api, copier, links, outputs, session } = this.#parts;
    const [set, before] = [this.#sets[this.#turn]!, this.#sets[1 - this.#turn]!];
    set.handedOut.forEach((_, i) => void this.#free(set, i));
    feeds.forEach((feed, i) => {
      const link = links[i];
      if (link !== undefined) {
        if (feed !== before.handedOut[link]) {
          this.#free(before, link);
          copier.write(feed, before.outputs[link]!);
        }
      } else if (feed !== this.#held[i]) {
        copier.write(feed, this.#inputs[i]!);
        this.#held[i] = feed;
      }
    });
    api.call.RunWithBinding(session, set.runOptions, set.binding);
    this.#turn = 1 - this.#turn;
    return outputs.map((output, i) => this.#handOut(set, i, output));
  }

  dispose(): void {
    if (this.#isDisposed) {
      return;
    }
    this.#isDisposed = true;
    const { api, session } = this.#parts;
    for (const set of this.#sets) {
      set.handedOut.forEach((_, i) => void this.#free(set, i));
      api.do.ReleaseIoBinding(set.binding);
      api.do.ReleaseRunOptions(set.runOptions);
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

  #bind(outputs: readonly DeviceValue[], before: readonly DeviceValue[], graph: number): BufferSet {
    const { api, captures, inputNames, links, outputNames, session } = this.#parts;
    const binding = api.make("CreateIoBinding", session);
    this.#inputs.forEach((input, i) => {
      api.call.BindInput(binding, inputNames.addresses[i]!, (input ?? before[links[i]!]!).handle);
    });
    outputs.forEach((output, i) => {
      api.call.BindOutput(binding, outputNames.addresses[i]!, output.handle);
    });
    const runOptions = api.make("CreateRunOptions");
    if (captures) {
      api.call.AddRunConfigEntry(runOptions, "gpu_graph_id", `${graph}`);
    }
    return { outputs, handedOut: outputs.map(() => undefined), binding, runOptions };
  }

  #handOut(set: BufferSet, i: number, { onDevice, type, shape }: SessionOutput): CApiTensor {
    const { copier } = this.#parts;
    const buffer = set.outputs[i]!;
    if (!onDevice) {
      return new HostValue(type, shape, copier.read(buffer));
    }
    const read = (value: DeviceValue): HostArray => copier.read(value);
    const value = new DeviceValue({ type, shape, handle: buffer.handle, read, release: () => {} });
    set.handedOut[i] = value;
    return value;
  }

  /** Moves what was handed out of a buffer to a place of its own, where it still lives. */
  #free(set: BufferSet, i: number): void {
    const value = set.handedOut[i];
    set.handedOut[i] = undefined;
    if (value !== undefined && !value.isReleased) {
      const moved = this.#parts.copier.copy(value);
      value.move({ handle: moved.handle, release: () => moved.dispose() });
    }
  }
}

function sumOfBytes(values: readonly (DeviceValue | undefined)[]): number {
  return values.reduce((sum, value) => sum + (value?.byteLength ?? 0), 0);
}
