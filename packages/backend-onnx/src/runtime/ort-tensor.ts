import type { ElementType, HostArray } from "./element-type.js";
import type { OrtTensorConstructor, OrtTensorLike } from "./ort-module.js";
import type { RuntimeTensor } from "./runtime.js";

/** A tensor that sessions of an ONNX Runtime package take. */
export interface OrtFeed extends RuntimeTensor {
  readonly tensor: OrtTensorLike;
}

/** A tensor of any ONNX Runtime package as {@link RuntimeTensor}. */
export class OrtTensor implements OrtFeed {
  #downloaded: Promise<HostArray> | undefined;

  constructor(readonly tensor: OrtTensorLike) {}

  static upload(Tensor: OrtTensorConstructor, type: ElementType, shape: readonly number[], data: HostArray): OrtTensor {
    return new OrtTensor(new Tensor(type, data, shape));
  }

  get host(): HostArray | undefined {
    return this.tensor.location.startsWith("cpu") ? (this.tensor.data as HostArray) : undefined;
  }

  get byteLength(): number {
    return this.host?.byteLength ?? this.tensor.size * 4;
  }

  /** The elements are on the host from then on, and no longer on the device. */
  download(): Promise<HostArray> {
    this.#downloaded ??= this.tensor.getData(true) as Promise<HostArray>;
    return this.#downloaded;
  }

  dispose(): void {
    if (this.host === undefined && this.#downloaded === undefined) {
      this.tensor.dispose();
    }
  }
}

/** Feeds by the names of a session's inputs. */
export function feedsByName(inputs: readonly string[], feeds: readonly OrtFeed[]): Record<string, OrtTensorLike> {
  const named: Record<string, OrtTensorLike> = {};
  for (let i = 0; i < feeds.length; i++) {
    named[inputs[i]!] = feeds[i]!.tensor;
  }
  return named;
}
