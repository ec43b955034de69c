import { type OrtModule, ortRuntime, useOnnx } from "@mmgen/backend-onnx";
import gpuBinary from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm";
import cpuBinary from "onnxruntime-web/ort-wasm-simd-threaded.wasm";

/** More threads than these make small products slower. */
const maxThreads = 4;

interface OrtWeb extends OrtModule {
  readonly env: { readonly wasm: { wasmPaths?: { readonly wasm: string }; numThreads?: number } };
}

/**
 * Starts ONNX Runtime as TensorFlow.js's backend.
 *
 * @returns what it runs on, as the page calls it.
 * @throws an error when there is no such provider here.
 */
export async function startOnnx(provider: "webgpu" | "wasm"): Promise<string> {
  // Pages that other sites may not look into have shared memory, and with it threads.
  const threads = self.crossOriginIsolated ? Math.min(maxThreads, navigator.hardwareConcurrency) : 1;
  if (provider === "webgpu") {
    const card = await findCard();
    const ort = (await import("onnxruntime-web/webgpu")) as unknown as OrtWeb;
    ort.env.wasm.wasmPaths = { wasm: new URL(gpuBinary, location.href).href };
    ort.env.wasm.numThreads = 1;
    await useOnnx({ runtime: ortRuntime(ort), executionProviders: ["webgpu"] });
    return card === "" ? "WebGPU" : `WebGPU (${card})`;
  }
  const ort = (await import("onnxruntime-web/wasm")) as unknown as OrtWeb;
  ort.env.wasm.wasmPaths = { wasm: new URL(cpuBinary, location.href).href };
  ort.env.wasm.numThreads = threads;
  await useOnnx({ runtime: ortRuntime(ort), executionProviders: ["wasm"] });
  return threads === 1 ? "ONNX Runtime in WebAssembly" : `ONNX Runtime in WebAssembly, ${threads} threads`;
}

interface Adapter {
  readonly info?: { readonly vendor?: string; readonly architecture?: string; readonly isFallbackAdapter?: boolean };
}

/** The graphics card's vendor and kind; throws where there is none, or one in software, which is slower than WebAssembly. */
async function findCard(): Promise<string> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<Adapter | null> } };
  const adapter = await gpu?.requestAdapter();
  if (!adapter) {
    throw new Error("This browser offers no WebGPU here.");
  }
  const { architecture = "", isFallbackAdapter = false, vendor = "" } = adapter.info ?? {};
  if (isFallbackAdapter || /swiftshader|llvmpipe/iu.test(architecture)) {
    throw new Error("This browser's WebGPU is in software, slower than WebAssembly.");
  }
  return [vendor, architecture].filter((part) => part !== "").join(" ");
}
