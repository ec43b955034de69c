import type { ElementType } from "./element-type.js";

/** The parts of `onnxruntime-web` and `onnxruntime-node` that this package uses. */
export interface OrtModule {
  readonly Tensor: OrtTensorConstructor;
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<OrtSessionLike>;
  };
  /** Its settings; those of onnxruntime-web have the device of WebGPU, once a session computes on it. */
  readonly env?: object;
}

/** The parts of an ONNX Runtime package's session that this package uses. */
export interface OrtSessionLike {
  run(feeds: Record<string, OrtTensorLike>): Promise<Record<string, OrtTensorLike>>;
  release(): Promise<void>;
}

/** The parts of an ONNX Runtime package's `Tensor` that this package uses. */
export interface OrtTensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  readonly size: number;
  readonly location: string;
  /** Throws where the elements are in no buffer of WebGPU's. */
  readonly gpuBuffer?: unknown;
  /** @param releaseData - Whether the elements need no longer be where they were copied from. */
  getData(releaseData?: boolean): Promise<unknown>;
  dispose(): void;
}

/** Makes a tensor of elements on the host. */
export type OrtTensorConstructor = new (
  type: ElementType,
  // biome-ignore lint/suspicious/noExplicitAny: ONNX Runtime overloads its constructor by element type.
  data: any,
  shape: readonly number[],
) => OrtTensorLike;
