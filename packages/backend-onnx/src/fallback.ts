import { KernelError } from "@mmgen/core";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "./onnx-backend.js";

/** How often a kernel ran on the cpu backend's code instead of in a graph. */
export type FallbackCounts = ReadonlyMap<string, number>;

/** What kernels are called with in truth; tfjs's types leave the lists and the missing ones out. */
type NestedInputs = Record<string, tf.TensorInfo | tf.TensorInfo[] | null | undefined>;

/** Runs kernels of `@tensorflow/tfjs-backend-cpu` on values read back from the graph, and writes their results again. */
export class Fallback {
  readonly #counts = new Map<string, number>();
  // Its own instance: the registered cpu backend, if any, keeps its own tensors and counts.
  #cpu: MathBackendCPU | null = null;

  constructor(private readonly backend: OnnxBackend) {}

  get counts(): FallbackCounts {
    return this.#counts;
  }

  run(
    kernelName: string,
    inputs: tf.NamedTensorInfoMap,
    attrs: tf.NamedAttrMap | undefined,
  ): tf.TensorInfo | tf.TensorInfo[] {
    const kernel = tf.getKernel(kernelName, "cpu");
    if (kernel === undefined) {
      throw new KernelError(
        `Kernel '${kernelName}' has neither an ONNX version for these inputs nor one in @tensorflow/tfjs-backend-cpu. ` +
          "Compose the operation of other ones, or use a backend that has it.",
      );
    }
    this.#counts.set(kernelName, (this.#counts.get(kernelName) ?? 0) + 1);
    const cpu = this.#instance();
    const borrowed: tf.TensorInfo[] = [];
    const toCpu = (info: tf.TensorInfo): tf.TensorInfo => {
      const copy = this.#toCpu(cpu, info);
      borrowed.push(copy);
      // Some kernels (Dilation2D's gradients, ScatterNd) ask for a rank, which only tensors have.
      return { ...copy, rank: copy.shape.length } as tf.TensorInfo;
    };
    const cpuInputs = (Array.isArray(inputs) ? [] : {}) as NestedInputs;
    for (const [name, input] of Object.entries(inputs as NestedInputs)) {
      // Some kernels (AddN, Concat, Pack, Einsum) take a list of inputs, some (RaggedGather) have a list among them,
      // others leave optional ones out.
      cpuInputs[name] = input == null ? input : Array.isArray(input) ? input.map(toCpu) : toCpu(input);
    }
    try {
      const results = kernel.kernelFunc({
        inputs: cpuInputs as tf.NamedTensorInfoMap,
        backend: cpu,
        attrs: attrs ?? {},
      });
      return Array.isArray(results) ? results.map((result) => this.#fromCpu(cpu, result)) : this.#fromCpu(cpu, results);
    } finally {
      for (const info of borrowed) {
        cpu.disposeData(info.dataId, true);
      }
    }
  }

  #instance(): MathBackendCPU {
    if (this.#cpu === null) {
      this.#cpu = new MathBackendCPU();
      // The cpu backend prints advice to install tfjs-node at its first write.
      (this.#cpu as unknown as { firstUse: boolean }).firstUse = false;
    }
    return this.#cpu;
  }

  #toCpu(cpu: MathBackendCPU, info: tf.TensorInfo): tf.TensorInfo {
    if (info.dtype === "complex64") {
      const { real, imag } = this.backend.complexParts(info);
      const complex = cpu.makeTensorInfo(info.shape, "complex64");
      cpu.data.get(complex.dataId).complexTensorInfos = { real: this.#toCpu(cpu, real), imag: this.#toCpu(cpu, imag) };
      return complex;
    }
    return cpu.makeTensorInfo(info.shape, info.dtype, this.backend.readSync(info.dataId));
  }

  #fromCpu(cpu: MathBackendCPU, info: tf.TensorInfo): tf.TensorInfo {
    const values = cpu.readSync(info.dataId);
    cpu.disposeData(info.dataId);
    // Some kernels answer with their input's own array: copy what may be shared.
    const owned = info.dtype === "string" ? values : (values as Float32Array).slice();
    return this.backend.writeOwned(owned, info.shape, info.dtype);
  }
}
