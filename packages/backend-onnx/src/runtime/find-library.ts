import { ConfigError } from "@mmgen/core";
import { findPackage } from "./find-package.js";
import { missingOrt, ortPackage } from "./load-ort.js";

/** Names of ONNX Runtime's library, by operating system. */
const libraryNames: Readonly<Record<string, RegExp>> = {
  linux: /^libonnxruntime\.so(\.\d+)*$/,
  darwin: /^libonnxruntime(\.\d+)*\.dylib$/,
  win32: /^onnxruntime\.dll$/,
};

/**
 * Finds the library file that onnxruntime-node ships, without loading anything.
 *
 * @param here - URL of this package's file; undefined where a bundler took it away.
 * @returns its absolute path: Windows has an older one of the same name among its own.
 * @throws ConfigError when onnxruntime-node is not installed, or has no library for this machine.
 */
export function findLibrary(here = import.meta.url as string | undefined): string {
  const manifest = findPackage(ortPackage, here, (require) => require.resolve(`${ortPackage}/package.json`));
  if (manifest === undefined) {
    throw missingOrt();
  }
  const { existsSync, readdirSync } = process.getBuiltinModule("node:fs");
  const { dirname, join } = process.getBuiltinModule("node:path");
  const bin = join(dirname(manifest), "bin");
  const folders = list(bin).map((binding) => join(bin, binding, process.platform, process.arch));
  for (const folder of folders) {
    const name = list(folder).find((file) => libraryNames[process.platform]?.test(file));
    if (name !== undefined) {
      return join(folder, name);
    }
  }
  throw new ConfigError(
    `The runtime "c-api" finds no library of ONNX Runtime for ${process.platform} ${process.arch} in ${bin}. ` +
      'Install onnxruntime-node on this machine, or take another runtime: useOnnx({ runtime: "binding" }).',
  );

  function list(folder: string): string[] {
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  }
}
