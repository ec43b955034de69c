import { ConfigError } from "@mmgen/core";

/** Finds modules from one place, as `require` does. */
export type Require = { (id: string): unknown; resolve(id: string): string };

/**
 * Calls `load` with a `require` beside this package's file, beside the program, and in the working directory, until it
 * finds the package.
 *
 * A bundler may have moved this file: an ES module bundled as CommonJS does not know where it lies, and a bundle can lie
 * outside the project that it was made from.
 *
 * @param here - URL of this package's file; undefined where a bundler took it away.
 * @returns undefined where the package is not installed.
 * @throws whatever `load` throws for another reason; {@link ConfigError} outside Node.
 */
export function findPackage<T>(name: string, here: string | undefined, load: (require: Require) => T): T | undefined {
  const nodeModule = globalThis.process?.getBuiltinModule?.("node:module");
  if (nodeModule === undefined) {
    throw new ConfigError(
      "Outside Node the onnx backend takes its runtime as an option: " +
        'import * as ort from "onnxruntime-web" and call await useOnnx({ runtime: ortRuntime(ort), executionProviders: ["wasm"] }).',
    );
  }
  for (const place of [here, process.argv[1], `${process.cwd()}/package.json`]) {
    if (place === undefined || place === "") {
      continue;
    }
    try {
      return load(nodeModule.createRequire(place));
    } catch (cause) {
      if (!isMissing(name, cause)) {
        throw cause;
      }
    }
  }
  return undefined;
}

/** Whether the package itself was not found, or a place is none to look from; not one of the package's own files. */
function isMissing(name: string, cause: unknown): boolean {
  const { code, message = "", pnpCode } = cause as { code?: string; message?: string; pnpCode?: string };
  // Yarn's Plug'n'Play has words of its own.
  const isNamed = message.includes(`'${name}'`) || message.includes(`'${name}/`);
  const isNotFound = code === "MODULE_NOT_FOUND" && (pnpCode !== undefined || isNamed);
  return isNotFound || code === "ERR_INVALID_ARG_VALUE";
}
