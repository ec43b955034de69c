import { ConfigError } from "@mmgen/core";
import type { OrtModule } from "./ort-runtime.js";

/** onnxruntime-node, and the `require` that found it. */
export interface LoadedOrt {
  readonly ort: OrtModule;
  require(id: string): unknown;
}

const moduleName = "onnxruntime-node";

/**
 * Loads onnxruntime-node, looked for beside this file, beside the program, and in the working directory.
 *
 * A bundler may have moved this file: an ES module bundled as CommonJS does not know where it lies, and a bundle can lie
 * outside the project that it was made from.
 *
 * @param here - URL of this package's file; undefined where a bundler took it away.
 * @throws {@link ConfigError} outside Node, when onnxruntime-node is not installed, and when it cannot be loaded here.
 */
export function loadOrt(here: string | undefined): LoadedOrt {
  const nodeModule = globalThis.process?.getBuiltinModule?.("node:module");
  if (nodeModule === undefined) {
    throw new ConfigError(
      "Outside Node the onnx backend takes its runtime as an option: " +
        'import * as ort from "onnxruntime-web" and call await useOnnx({ runtime: ortRuntime(ort), executionProviders: ["wasm"] }).',
    );
  }
  const places = [here, process.argv[1], `${process.cwd()}/package.json`];
  for (const place of places) {
    if (place === undefined || place === "") {
      continue;
    }
    try {
      const require = nodeModule.createRequire(place);
      return { ort: require(moduleName) as OrtModule, require };
    } catch (cause) {
      if (!isMissing(cause)) {
        throw cannotLoad(cause);
      }
    }
  }
  throw new ConfigError(
    `The onnx backend needs the package ${moduleName}, which is not installed here. Install it: ` +
      `"npm install --ignore-scripts ${moduleName}" (its install script would download CUDA libraries from outside npm, ` +
      "which the cpu does not need). Or pass another runtime: await useOnnx({ runtime: ortRuntime(ort) }).",
  );
}

/** Whether the package itself was not found, or a place is none to look from; not one of the package's own files. */
function isMissing(cause: unknown): boolean {
  const { code, message = "", pnpCode } = cause as { code?: string; message?: string; pnpCode?: string };
  // Yarn's Plug'n'Play has words of its own.
  const isNotFound = code === "MODULE_NOT_FOUND" && (pnpCode !== undefined || message.includes(`'${moduleName}'`));
  return isNotFound || code === "ERR_INVALID_ARG_VALUE";
}

function cannotLoad(cause: unknown): ConfigError {
  const reason = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
  return new ConfigError(
    `${moduleName} is installed, but cannot be loaded on ${process.platform} ${process.arch}: ${reason.slice(0, 200)}. ` +
      "It supports Linux (with glibc) and Windows on x64 and arm64, and macOS on arm64. Elsewhere install " +
      "onnxruntime-web and pass it as a runtime: await useOnnx({ runtime: ortRuntime(ort) }).",
    { cause },
  );
}
