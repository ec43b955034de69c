import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildOptions, Plugin } from "esbuild";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** esbuild's form of the aliases in vitest.config.ts: packages are read from their sources. */
const sources: Plugin = {
  name: "mmgen-sources",
  setup(build) {
    build.onResolve({ filter: /^@mmgen\// }, ({ path }) => {
      const [, folder, entry = "index"] = path.split("/");
      return { path: join(root, "packages", folder!, "src", `${entry}.ts`) };
    });
  },
};

/**
 * Leaves builtins and what is installed at the root to Node, but for tfjs-core's gradients, which plain Node cannot
 * import. What only a package's own node_modules has is bundled.
 */
const installedExternal: Plugin = {
  name: "installed-external",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      const name = path.split("/", path.startsWith("@") ? 2 : 1).join("/");
      const isBundled = kind === "entry-point" || name.startsWith("@mmgen/") || path.includes("register_all_gradients");
      const isAtRoot = isBuiltin(path) || existsSync(join(root, "node_modules", name));
      return !isBundled && isAtRoot ? { path, external: true } : undefined;
    });
  },
};

/** Options that make a Node program of `code`, to be run from inside the repository. */
export function nodeBundle(code: string): BuildOptions {
  return {
    stdin: { contents: code, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "silent",
    plugins: [sources, installedExternal],
  };
}

/** Options that make a browser script of one source file; Node's builtins do not resolve. */
export function browserBundle(source: string): BuildOptions {
  return {
    entryPoints: [source],
    absWorkingDir: dirname(source),
    bundle: true,
    write: false,
    format: "iife",
    globalName: "loaded",
    platform: "browser",
    target: "es2022",
    logLevel: "silent",
    // Optional peers: a browser program installs onnxruntime-web and never reaches the import of the other.
    external: ["onnxruntime-node", "onnxruntime-web"],
    plugins: [sources],
  };
}
