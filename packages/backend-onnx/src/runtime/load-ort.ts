import { ConfigError } from "@mmgen/core";
import { findPackage } from "./find-package.js";
import type { OrtModule } from "./ort-module.js";

/** onnxruntime-node, and the `require` that found it. */
export interface LoadedOrt {
  readonly ort: OrtModule;
  require(id: string): unknown;
}

/** The package with ONNX Runtime's native library. */
export const ortPackage = "onnxruntime-node";

/**
 * Loads onnxruntime-node, looked for as {@link findPackage} does.
 *
 * @param here - URL of this package's file; undefined where a bundler took it away.
 * @throws {@link ConfigError} outside Node, when onnxruntime-node is not installed, and when it cannot be loaded here.
 */
export function loadOrt(here: string | undefined): LoadedOrt {
  let found: LoadedOrt | undefined;
  try {
    found = findPackage(ortPackage, here, (require) => ({ ort: require(ortPackage) as OrtModule, require }));
  } catch (cause) {
    throw ConfigError.isInstance(cause) ? cause : cannotLoadOrt(cause);
  }
  if (found === undefined) {
    throw missingOrt();
  }
  return found;
}

/** The error where onnxruntime-node is not installed. */
export function missingOrt(): ConfigError {
  return new ConfigError(
    `The onnx backend needs the package ${ortPackage}, which is not installed here. Install it: ` +
      `"npm install --ignore-scripts ${ortPackage}" (its install script would download CUDA libraries from outside npm, ` +
      "which the cpu does not need). Or pass another runtime: await useOnnx({ runtime: ortRuntime(ort) }).",
  );
}

/** The error where onnxruntime-node is installed, and its library does not load. */
export function cannotLoadOrt(cause: unknown): ConfigError {
  const reason = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
  return new ConfigError(
    `${ortPackage} is installed, but cannot be loaded on ${process.platform} ${process.arch}: ${reason.slice(0, 200)}. ` +
      "It supports Linux (with glibc) and Windows on x64 and arm64, and macOS on arm64. Elsewhere install " +
      "onnxruntime-web and pass it as a runtime: await useOnnx({ runtime: ortRuntime(ort) }).",
    { cause },
  );
}
