import { defineConfig, type Options } from "tsup";

/** The one build of every package: ESM and CJS with their own types, nothing bundled but the package's own source. */
export function packageBuild(entry: Record<string, string>, options: Options = {}) {
  return defineConfig({
    entry,
    format: ["esm", "cjs"],
    target: "node20",
    platform: "neutral",
    dts: true,
    clean: true,
    sourcemap: true,
    splitting: true,
    treeshake: false,
    // In the CJS build `import.meta.url`, a syntax error there, becomes the file's own URL.
    shims: true,
    inject: ["../../tsup.dispose.mjs"],
    ...options,
  });
}
