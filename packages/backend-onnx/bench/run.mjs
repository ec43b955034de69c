// Bundles bench/main.ts, with the packages' sources in it, and runs it: `npm run bench -w @mmgen/backend-onnx`.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bundle } from "../bundle.mjs";

const script = await bundle(fileURLToPath(new URL("main.ts", import.meta.url)), "mmgen-bench/main");
const { status } = spawnSync(process.execPath, ["--expose-gc", script, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
