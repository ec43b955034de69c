import { KernelError } from "@mmgen/core";
import { type ElementType, type HostArray, hostArray } from "../runtime/element-type.js";
import type { RuntimeTensor } from "../runtime/runtime.js";

/** Elements on the host, in an array that JavaScript owns. A session reads or writes them where they are. */
export class HostValue implements RuntimeTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly host: HostArray;

  constructor(type: ElementType, shape: readonly number[], host: HostArray) {
    this.type = type;
    this.shape = shape;
    this.host = host;
  }

  /** Elements for a session to write. */
  static empty(type: ElementType, shape: readonly number[]): HostValue {
    return new HostValue(type, shape, hostArray(type, sizeOf(shape)));
  }

  get byteLength(): number {
    return this.host.byteLength;
  }

  async download(): Promise<HostArray> {
    return this.host;
  }

  dispose(): void {}
}

/** What a {@link DeviceValue} is made with. */
export interface DeviceValueParts {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** The address of its `OrtValue`. */
  readonly handle: bigint;
  /** Copies it to the host. */
  read(value: DeviceValue): HostArray;
  /** Called once. */
  release(value: DeviceValue): void;
}

/** Elements in memory of ONNX Runtime's, on the provider's device, until they are disposed. */
export class DeviceValue implements RuntimeTensor {
  readonly byteLength: number;
  #host: HostArray | undefined;
  #parts: DeviceValueParts;
  #released = false;

  constructor(parts: DeviceValueParts) {
    this.#parts = parts;
    this.byteLength = sizeOf(parts.shape) * hostArray(parts.type, 0).BYTES_PER_ELEMENT;
  }

  get host(): HostArray | undefined {
    return this.#host;
  }

  get type(): ElementType {
    return this.#parts.type;
  }

  get shape(): readonly number[] {
    return this.#parts.shape;
  }

  /** @throws KernelError after it was disposed. */
  get handle(): bigint {
    if (this.#released) {
      throw new KernelError("A tensor on a device was used after it was freed. This is a bug of @mmgen/backend-onnx.");
    }
    return this.#parts.handle;
  }

  get isReleased(): boolean {
    return this.#released;
  }

  /** The same elements at another place, before those at this one are overwritten. */
  move(parts: Pick<DeviceValueParts, "handle" | "release">): void {
    this.#parts = { ...this.#parts, ...parts };
  }

  async download(): Promise<HostArray> {
    return this.downloadSync();
  }

  downloadSync(): HostArray {
    return this.#parts.read(this);
  }

  moveToHost(): void {
    try {
      this.#host = this.downloadSync();
    } finally {
      this.dispose();
    }
  }

  dispose(): void {
    if (!this.#released) {
      this.#released = true;
      this.#parts.release(this);
    }
  }
}

export type CApiTensor = HostValue | DeviceValue;

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
