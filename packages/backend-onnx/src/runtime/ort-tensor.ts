import type { ElementType, HostArray } from "../graph/element-type.js";
import type { RuntimeTensor, SessionOutput } from "./runtime.js";

/** What every ONNX Runtime package's `Tensor` has, as far as this package uses it. */
export interface OrtTensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  readonly size: number;
  readonly location: string;
  getData(): Promise<unknown>;
  dispose(): void;
}

export type OrtTensorConstructor = new (
  type: ElementType,
  // biome-ignore lint/suspicious/noExplicitAny: ONNX Runtime overloads its constructor by element type.
  data: any,
  shape: readonly number[],
) => OrtTensorLike;

/** A tensor of any ONNX Runtime package as {@link RuntimeTensor}. */
export class OrtTensor implements RuntimeTensor {
  constructor(readonly tensor: OrtTensorLike) {}

  static upload(Tensor: OrtTensorConstructor, type: ElementType, shape: readonly number[], data: HostArray): OrtTensor {
    return new OrtTensor(new Tensor(type, data, shape));
  }

  get host(): HostArray | null {
    return this.tensor.location.startsWith("cpu") ? (this.tensor.data as HostArray) : null;
  }

  get byteLength(): number {
    return this.host?.byteLength ?? this.tensor.size * 4;
  }

  async download(): Promise<HostArray> {
    return (await this.tensor.getData()) as HostArray;
  }

  dispose(): void {
    if (this.host === null) {
      this.tensor.dispose();
    }
  }
}

/** The session option that says where results go. */
export function outputLocations(outputs: readonly SessionOutput[]): object {
  return outputs.some(({ onDevice }) => onDevice)
    ? {
        preferredOutputLocation: Object.fromEntries(
          outputs.map(({ name, onDevice }) => [name, onDevice ? "gpu-buffer" : "cpu"]),
        ),
      }
    : {};
}
