import { spawnSync } from "node:child_process";
import { basename, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));
const harness = fileURLToPath(new URL("../examples/harness/src/index.ts", import.meta.url));
const cache = fileURLToPath(new URL("../node_modules/.cache/", import.meta.url));

/**
 * Bundles a script of this repository for Node, together with the packages' sources.
 *
 * @param {string} entry - Path of the script.
 * @param {string} name - Name of the bundle in the cache folder.
 * @param {RegExp} [external] - Modules to leave to Node, beside packages with native addons.
 * @returns {Promise<string>} Path of the bundle.
 */
export async function bundle(entry, name, external) {
  const outfile = `${cache}${name}.mjs`;
  await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    // tfjs-core declares its test files free of side effects, which would drop every spec.
    ignoreAnnotations: true,
    external: ["onnxruntime-node", "@resvg/resvg-js"],
    outfile,
    logLevel: "error",
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    plugins: [sources, ...(external === undefined ? [] : [leave(external)])],
  });
  return outfile;
}

/**
 * Bundles a script and runs it in a new process, whose exit status becomes the one of this process.
 *
 * @param {URL} entry
 * @param {readonly string[]} args - Arguments of the script.
 * @param {readonly string[]} [flags] - Flags for Node.
 */
export async function runBundled(entry, args, flags = []) {
  const path = fileURLToPath(entry);
  const script = await bundle(path, `mmgen-bench/${basename(path, extname(path))}`);
  const { status } = spawnSync(process.execPath, [...flags, script, ...args], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}

/** An esbuild plugin that leaves modules to Node. */
const leave = (filter) => ({
  name: "leave",
  setup(build) {
    build.onResolve({ filter }, ({ path }) => ({ path, external: true }));
  },
});

/** An esbuild plugin that resolves `mmgen`, `@mmgen/*` and the harness of the examples to sources. */
export const sources = {
  name: "sources",
  setup(build) {
    build.onResolve({ filter: /^@mmgen\/example-harness$/ }, () => ({ path: harness }));
    build.onResolve({ filter: /^(@mmgen\/|mmgen(\/|$))/ }, ({ path }) => {
      const [name, ...entry] = path.replace(/^@mmgen\//, "").split("/");
      return { path: `${packages}${name}/src/${entry.join("/") || "index"}.ts` };
    });
  },
};
