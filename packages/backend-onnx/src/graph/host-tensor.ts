import type { RuntimeTensor } from "../runtime/runtime.js";
import type { HostArray } from "./element-type.js";

/** Elements that only ever live on the host: those of constants and of empty tensors. */
export class HostTensor implements RuntimeTensor {
  constructor(readonly host: HostArray) {}

  get byteLength(): number {
    return this.host.byteLength;
  }

  async download(): Promise<HostArray> {
    return this.host;
  }

  dispose(): void {}
}
