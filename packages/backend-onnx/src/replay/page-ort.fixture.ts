import { createRequire } from "node:module";
import { type ElementType, type HostArray, hostArray } from "../runtime/element-type.js";
import type { OrtModule, OrtTensorLike } from "../runtime/ort-module.js";

/** onnxruntime-web in a page with WebGPU, played on the cpu. */
export interface PageOrt extends OrtModule {
  /** Tensors of the device that are still to be disposed, and buffers of the page that are to be destroyed. */
  live(): number;
  /** Runs of captured graphs after the first. */
  replays(): number;
}

class DeviceBuffer {
  constructor(
    readonly bytes: Uint8Array<ArrayBuffer>,
    readonly destroy: () => void,
  ) {}

  async mapAsync(): Promise<void> {}

  getMappedRange(): ArrayBuffer {
    return this.bytes.buffer;
  }
}

class PageTensor implements OrtTensorLike {
  location: string;
  readonly size: number;
  #isDownloading = false;

  constructor(
    readonly type: ElementType,
    public data: HostArray | DeviceBuffer,
    readonly dims: readonly number[],
    readonly release: () => void = () => {},
  ) {
    this.location = data instanceof DeviceBuffer ? "gpu-buffer" : "cpu";
    this.size = dims.reduce((product, dimension) => product * dimension, 1);
  }

  static fromGpuBuffer(
    buffer: DeviceBuffer,
    { dataType, dims }: { dataType: ElementType; dims: readonly number[] },
  ): PageTensor {
    return new PageTensor(dataType, buffer, dims);
  }

  get gpuBuffer(): DeviceBuffer {
    return this.data as DeviceBuffer;
  }

  async getData(releasesData: boolean): Promise<HostArray> {
    if (this.#isDownloading) {
      throw new Error("The current tensor is being downloaded.");
    }
    const isOnDevice = this.location === "gpu-buffer";
    this.#isDownloading = isOnDevice;
    await Promise.resolve();
    this.#isDownloading = false;
    const read = this.read();
    this.data = read;
    this.location = "cpu";
    if (isOnDevice && releasesData) {
      this.release();
    }
    return read;
  }

  dispose(): void {
    if (this.location !== "none") {
      this.location = "none";
      this.release();
    }
  }

  /** The elements, which a run finds. */
  read(): HostArray {
    if (this.location === "none") {
      throw new Error("Used after it was disposed.");
    }
    if (!(this.data instanceof DeviceBuffer)) {
      return this.data;
    }
    const read = hostArray(this.type, this.size);
    new Uint8Array(read.buffer).set(this.data.bytes.subarray(0, read.byteLength));
    return read;
  }
}

/** @param refusal - Why no session is captured. */
export function pageOrt(refusal?: string): PageOrt {
  const ort = createRequire(import.meta.url)("onnxruntime-node") as OrtModule;
  const counts = { live: 0, replays: 0 };
  const counted = () => {
    counts.live++;
    return () => void counts.live--;
  };
  const bytesOf = (array: HostArray) => new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
  const device = {
    queue: {
      writeBuffer: (to: DeviceBuffer, offset: number, data: HostArray) => to.bytes.set(bytesOf(data), offset),
      submit: (commands: readonly (() => void)[]) => commands.forEach((command) => void command()),
    },
    createBuffer: ({ size }: { size: number }) => new DeviceBuffer(new Uint8Array(size), counted()),
    createCommandEncoder() {
      const commands: (() => void)[] = [];
      return {
        copyBufferToBuffer: (from: DeviceBuffer, start: number, to: DeviceBuffer, at: number, size: number) =>
          void commands.push(() => to.bytes.set(from.bytes.subarray(start, start + size), at)),
        finish: () => () => commands.forEach((command) => void command()),
      };
    },
  };

  async function create(model: Uint8Array, options: object) {
    const { enableGraphCapture: captures = false, preferredOutputLocation: place = captures ? "gpu-buffer" : "cpu" } =
      options as { enableGraphCapture?: boolean; preferredOutputLocation?: string | Record<string, string> };
    if (captures && refusal !== undefined) {
      throw new Error(refusal);
    }
    const session = await ort.InferenceSession.create(model, { executionProviders: ["cpu"], logSeverityLevel: 4 });
    let bound: { feeds: Record<string, PageTensor>; fetches: Record<string, PageTensor> } | undefined;
    async function run(feeds: Record<string, PageTensor>, fetches: Record<string, PageTensor> = {}) {
      const isReplay = bound !== undefined;
      counts.replays += isReplay ? 1 : 0;
      bound = captures ? (bound ?? { feeds, fetches }) : undefined;
      const used = bound ?? { feeds, fetches };
      if (captures && Object.values(used.feeds).some(({ location }) => location !== "gpu-buffer")) {
        throw new Error("External buffer must be provided when enableGraphCapture is true.");
      }
      const inner = Object.entries(used.feeds).map(([name, tensor]) => [
        name,
        new ort.Tensor(tensor.type, tensor.read().slice(), tensor.dims),
      ]);
      const results = await session.run(Object.fromEntries(inner));
      return Object.fromEntries(
        Object.entries(results).map(([name, { data, dims, type }]) => {
          const fetch = used.fetches[name];
          const onDevice = (typeof place === "string" ? place : place[name]) === "gpu-buffer";
          if (fetch !== undefined) {
            fetch.gpuBuffer.bytes.set(bytesOf(data as HostArray));
            return [name, isReplay ? new PageTensor(fetch.type, fetch.gpuBuffer, dims, counted()) : fetch];
          }
          const made = onDevice
            ? new DeviceBuffer(bytesOf((data as HostArray).slice()), () => {})
            : (data as HostArray);
          return [name, new PageTensor(type as ElementType, made, dims, onDevice ? counted() : undefined)];
        }),
      );
    }
    return { run, release: () => session.release() };
  }

  return {
    Tensor: PageTensor as unknown as OrtModule["Tensor"],
    InferenceSession: { create: create as unknown as OrtModule["InferenceSession"]["create"] },
    env: { webgpu: { device: Promise.resolve(device) } },
    live: () => counts.live,
    replays: () => counts.replays,
  };
}
