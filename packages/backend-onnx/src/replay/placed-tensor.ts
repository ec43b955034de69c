import { type ElementType, type HostArray, hostArray } from "../runtime/element-type.js";
import type { OrtTensorLike } from "../runtime/ort-module.js";
import type { OrtFeed } from "../runtime/ort-tensor.js";
import type { GpuBuffer, GpuMemory } from "./gpu-memory.js";

/** A tensor in a buffer of WebGPU's that is written again later; before that it moves to another. */
export class PlacedTensor implements OrtFeed {
  readonly host = undefined;
  readonly byteLength: number;
  readonly #memory: GpuMemory;
  #tensor: OrtTensorLike;
  #release: () => void = () => {};
  #released = false;

  constructor(tensor: OrtTensorLike, memory: GpuMemory) {
    this.#tensor = tensor;
    this.#memory = memory;
    this.byteLength = bytesOf(tensor);
  }

  get tensor(): OrtTensorLike {
    return this.#tensor;
  }

  get isReleased(): boolean {
    return this.#released;
  }

  /**
   * Copies the elements to a buffer of their own.
   *
   * @param wrap - Makes a tensor of the buffer.
   */
  move(wrap: (buffer: GpuBuffer, like: OrtTensorLike) => OrtTensorLike): void {
    const buffer = this.#memory.duplicate(bufferOf(this.#tensor), this.byteLength);
    this.#tensor = wrap(buffer, this.#tensor);
    this.#release = () => buffer.destroy();
  }

  download(): Promise<HostArray> {
    return this.#memory.read(bufferOf(this.#tensor), emptyArray(this.#tensor));
  }

  dispose(): void {
    if (!this.#released) {
      this.#released = true;
      this.#release();
    }
  }
}

/** The buffer of a tensor on WebGPU's device. */
export function bufferOf(tensor: OrtTensorLike): GpuBuffer {
  return tensor.gpuBuffer as GpuBuffer;
}

/** The bytes of a tensor's elements. */
export function bytesOf({ type, size }: OrtTensorLike): number {
  return size * hostArray(type as ElementType, 0).BYTES_PER_ELEMENT;
}

/** An array for the elements of a tensor. */
export function emptyArray({ type, size }: OrtTensorLike): HostArray {
  return hostArray(type as ElementType, size);
}
