import type { HostArray } from "../runtime/element-type.js";

/** The parts of WebGPU's device that are used. */
export interface GpuDevice {
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, offset: number, data: HostArray): void;
    submit(commands: readonly unknown[]): void;
  };
  createBuffer(descriptor: { readonly size: number; readonly usage: number }): GpuBuffer;
  createCommandEncoder(): {
    copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void;
    finish(): unknown;
  };
}

/** The parts of a WebGPU buffer that are used. */
export interface GpuBuffer {
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  destroy(): void;
}

/** `GPUBufferUsage` and `GPUMapMode`. */
const usage = { mapRead: 1, copySource: 4, copyTarget: 8, storage: 128 } as const;
const mapForReading = 1;

/**
 * Commands to the memory of WebGPU's device. They take effect in the order of the calls, which includes the runs of ONNX
 * Runtime that have ended.
 */
export class GpuMemory {
  readonly #device: GpuDevice;

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Overwrites a buffer of as many bytes, a multiple of 4. */
  write(data: HostArray, to: GpuBuffer): void {
    this.#device.queue.writeBuffer(to, 0, data);
  }

  /** Overwrites so many bytes of a buffer, a multiple of 4, with those of another. */
  copy(from: GpuBuffer, to: GpuBuffer, bytes: number): void {
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
  }

  /** A new buffer with so many bytes of another, which ONNX Runtime can read; yours to destroy. */
  duplicate(from: GpuBuffer, bytes: number): GpuBuffer {
    // ONNX Runtime's own buffers are multiples of 16 bytes too.
    const size = 16 * Math.ceil(bytes / 16);
    const made = this.#device.createBuffer({ size, usage: usage.storage | usage.copySource | usage.copyTarget });
    this.copy(from, made, bytes);
    return made;
  }

  /** Reads elements as they are now, into an array for them. */
  async read(from: GpuBuffer, to: HostArray): Promise<HostArray> {
    const staging = this.#device.createBuffer({ size: to.byteLength, usage: usage.mapRead | usage.copyTarget });
    try {
      this.copy(from, staging, to.byteLength);
      await staging.mapAsync(mapForReading);
      new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(new Uint8Array(staging.getMappedRange()));
      return to;
    } finally {
      staging.destroy();
    }
  }
}
