import { KernelError } from "@mmgen/core";
import { findLibrary } from "../runtime/find-library.js";

/** Libraries of the CUDA provider, which lie beside ONNX Runtime's own, by operating system. */
const providerLibraries: Readonly<Record<string, readonly string[]>> = {
  linux: ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"],
  win32: ["onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll"],
};

/**
 * Says which library the CUDA provider misses: one of its own, or one of CUDA's that the system's loader does not find.
 *
 * @param error - ONNX Runtime's.
 * @param library - Path of ONNX Runtime's library.
 */
export function explainMissingLibrary(error: Error, library: string): KernelError {
  const missing = missingLibrary(error.message, process.platform, besideLibrary(library));
  return new KernelError(missing ?? error.message, { cause: error });
}

/** What the CUDA provider misses of its own; undefined where its libraries are there. Nothing is loaded. */
export function missingProviderLibrary(): string | undefined {
  try {
    return missingLibrary("", process.platform, besideLibrary(findLibrary()));
  } catch (error) {
    return (error as Error).message;
  }
}

function besideLibrary(library: string): (name: string) => boolean {
  const { existsSync } = process.getBuiltinModule("node:fs");
  const { dirname, join } = process.getBuiltinModule("node:path");
  return (name) => existsSync(join(dirname(library), name));
}

/** @param isBeside - Whether a file lies beside ONNX Runtime's library. */
export function missingLibrary(
  reason: string,
  platform: string,
  isBeside: (name: string) => boolean,
): string | undefined {
  const own = providerLibraries[platform];
  if (own === undefined) {
    return `there is no CUDA provider for ${platform}`;
  }
  const missing = own.find((name) => !isBeside(name));
  if (missing !== undefined) {
    return `the CUDA provider's library ${missing} is missing beside onnxruntime-node's own`;
  }
  // Linux names the file; Windows says no more than that one is missing, with error 126.
  const found = /(lib[\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(reason)?.[1];
  if (found !== undefined) {
    return `the CUDA library ${found} is missing, or lies nowhere on the loader's path (LD_LIBRARY_PATH)`;
  }
  return platform === "win32" && /\b126\b/.test(reason)
    ? "a library of CUDA or cuDNN 9 is missing, or lies nowhere on PATH"
    : undefined;
}
