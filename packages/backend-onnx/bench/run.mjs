// Bundles bench/main.ts, with the packages' sources in it, and runs it: `npm run bench -w @mmgen/backend-onnx`.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packages = fileURLToPath(new URL("../..", import.meta.url));
const outfile = fileURLToPath(new URL("../../../node_modules/.cache/mmgen-bench/main.mjs", import.meta.url));

await build({
  entryPoints: [fileURLToPath(new URL("main.ts", import.meta.url))],
  bundle: true,
  format: "esm",
  platform: "node",
  mainFields: ["module", "main"],
  external: ["onnxruntime-node"],
  outfile,
  logLevel: "error",
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  plugins: [
    {
      name: "sources",
      setup(build) {
        build.onResolve({ filter: /^@mmgen\// }, ({ path }) => {
          const [, name, entry = "index"] = path.split("/");
          return { path: `${packages}${packages.endsWith("/") ? "" : "/"}${name}/src/${entry}.ts` };
        });
      },
    },
  ],
});
const { status } = spawnSync(process.execPath, ["--expose-gc", outfile, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
