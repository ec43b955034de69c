import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packages = fileURLToPath(new URL("../", import.meta.url));
const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));

/**
 * Bundles a script of this repository with the packages' sources in it, for Node.
 *
 * @param {string} entry - its path.
 * @param {string} name - the bundle's name in the cache folder.
 * @returns {Promise<string>} the bundle's path.
 */
export async function bundle(entry, name) {
  const outfile = `${cache}${name}.mjs`;
  await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    // tfjs-core declares its test files free of side effects, which would drop every spec.
    ignoreAnnotations: true,
    external: ["onnxruntime-node", "@resvg/resvg-js"],
    outfile,
    logLevel: "error",
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    plugins: [sources],
  });
  return outfile;
}

/**
 * Bundles a script and runs it in a process of its own, whose exit status becomes this one's.
 *
 * @param {URL} entry
 * @param {readonly string[]} args - the script's.
 * @param {readonly string[]} [flags] - Node's.
 */
export async function runBundled(entry, args, flags = []) {
  const path = fileURLToPath(entry);
  const script = await bundle(path, `mmgen-bench/${basename(path, ".ts")}`);
  const { status } = spawnSync(process.execPath, [...flags, script, ...args], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}

/** Resolves `@mmgen/*` to sources. */
export const sources = {
  name: "sources",
  setup(build) {
    build.onResolve({ filter: /^@mmgen\// }, ({ path }) => {
      const [, name, entry = "index"] = path.split("/");
      return { path: `${packages}${name}/src/${entry}.ts` };
    });
  },
};
