import { KernelError } from "@mmgen/core";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { asMemoryError } from "../runtime/element-type.js";
import type { KernelFallback, RecordingBackend } from "../tensors/recording-backend.js";

// For `requireBackend` of @mmgen/nn: this import registers plain JavaScript, which a program may not have chosen.
Object.assign(globalThis, { [Symbol.for("@mmgen/backend-onnx brings cpu along")]: true });

/** How often each kernel ran on the cpu backend's code instead of in a graph. */
export type FallbackCounts = ReadonlyMap<string, number>;

/** The inputs that kernels really get: tfjs's type lacks lists and missing inputs. */
type NestedInputs = Record<string, tf.TensorInfo | tf.TensorInfo[] | undefined | undefined>;

/** Runs kernels of `@tensorflow/tfjs-backend-cpu`: reads their inputs, and writes their results back. */
export class Fallback implements KernelFallback {
  readonly #counts = new Map<string, number>();
  // A separate instance: the registered cpu backend, if any, keeps its own tensors and counts.
  #cpu: MathBackendCPU | undefined;
  readonly #backend: RecordingBackend;

  constructor(backend: RecordingBackend) {
    this.#backend = backend;
  }

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
          "Compose it from other operations, or use a backend that has it.",
      );
    }
    this.#counts.set(kernelName, (this.#counts.get(kernelName) ?? 0) + 1);
    const cpu = this.#instance();
    const borrowed: tf.TensorInfo[] = [];
    const toCpu = (info: tf.TensorInfo): tf.TensorInfo => {
      const copy = this.#toCpu(cpu, info);
      borrowed.push(copy);
      // Some kernels (Dilation2D's gradients, ScatterNd) read a rank, which only tensors have.
      return { ...copy, rank: copy.shape.length } as tf.TensorInfo;
    };
    const cpuInputs = (Array.isArray(inputs) ? [] : {}) as NestedInputs;
    for (const [name, input] of Object.entries(inputs as NestedInputs)) {
      // Some kernels (AddN, Concat, Pack, Einsum) take a list of inputs, RaggedGather has a list among its inputs, and
      // optional inputs may be missing.
      cpuInputs[name] = input == null ? input : Array.isArray(input) ? input.map(toCpu) : toCpu(input);
    }
    try {
      const results = kernel.kernelFunc({
        inputs: cpuInputs as tf.NamedTensorInfoMap,
        backend: cpu,
        attrs: attrs ?? {},
      });
      return Array.isArray(results) ? results.map((result) => this.#fromCpu(cpu, result)) : this.#fromCpu(cpu, results);
    } catch (error) {
      throw asMemoryError(error, `the kernel '${kernelName}'`);
    } finally {
      for (const info of borrowed) {
        cpu.disposeData(info.dataId, true);
      }
    }
  }

  #instance(): MathBackendCPU {
    if (this.#cpu === undefined) {
      this.#cpu = new MathBackendCPU();
      // The cpu backend prints advice to install tfjs-node at its first write.
      (this.#cpu as unknown as { firstUse: boolean }).firstUse = false;
    }
    return this.#cpu;
  }

  #toCpu(cpu: MathBackendCPU, info: tf.TensorInfo): tf.TensorInfo {
    if (info.dtype === "complex64") {
      const { real, imag } = this.#backend.complexParts(info);
      const complex = cpu.makeTensorInfo(info.shape, "complex64");
      cpu.data.get(complex.dataId).complexTensorInfos = { real: this.#toCpu(cpu, real), imag: this.#toCpu(cpu, imag) };
      return complex;
    }
    return cpu.makeTensorInfo(info.shape, info.dtype, this.#backend.readSync(info.dataId));
  }

  #fromCpu(cpu: MathBackendCPU, info: tf.TensorInfo): tf.TensorInfo {
    const values = cpu.readSync(info.dataId);
    cpu.disposeData(info.dataId);
    // Some kernels return the array of their input: copy what may be shared.
    const owned = info.dtype === "string" ? values : (values as Float32Array).slice();
    return this.#backend.writeOwned(owned, info.shape, info.dtype);
  }
}
