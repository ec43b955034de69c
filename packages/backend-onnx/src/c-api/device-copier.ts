import { copyModel } from "../runtime/copy-model.js";
import type { HostArray } from "../runtime/element-type.js";
import type { SessionOutput } from "../runtime/runtime.js";
import type { CApiSession } from "./c-api-session.js";
import { type CApiTensor, DeviceValue, HostValue } from "./c-api-tensor.js";

type MakeSession = (model: Uint8Array, inputs: readonly string[], outputs: readonly SessionOutput[]) => CApiSession;

/**
 * Copies tensors between the host and a device, or on it, by sessions of one Identity node: `koffi.view` shows memory only
 * as long as its owner lives, and nothing else of the API reaches every provider's.
 */
export class DeviceCopier {
  readonly #make: MakeSession;
  /** By type and rank. */
  readonly #sessions = new Map<string, CApiSession>();

  constructor(make: MakeSession) {
    this.#make = make;
  }

  /** Reads a tensor. */
  read(value: DeviceValue): HostArray {
    const host = HostValue.empty(value.type, value.shape);
    this.write(value, host);
    return host.host;
  }

  /** Overwrites a tensor of the same form. */
  write(from: CApiTensor, to: CApiTensor): void {
    this.#sessionFor(from).runInto([from], [to]);
  }

  /** A copy in new memory on the device; yours to dispose. */
  copy(from: CApiTensor): DeviceValue {
    const { type, shape } = from;
    const [copied] = this.#sessionFor(from).runInto([from], [undefined]) as [DeviceValue];
    const release = () => copied.dispose();
    return new DeviceValue({ type, shape, handle: copied.handle, release, read: (value) => this.read(value) });
  }

  dispose(): void {
    for (const session of this.#sessions.values()) {
      session.dispose();
    }
    this.#sessions.clear();
  }

  #sessionFor({ type, shape }: CApiTensor): CApiSession {
    const form = `${type} ${shape.length}`;
    const found = this.#sessions.get(form);
    if (found !== undefined) {
      return found;
    }
    const { bytes, input, output } = copyModel(type, shape.length);
    const made = this.#make(bytes, [input], [{ name: output, onDevice: true, type, shape }]);
    this.#sessions.set(form, made);
    return made;
  }
}
