// `npm run bench:quantizers -- [seed…]`: bundles bench/quantizers.ts, with the packages' sources in it, and runs it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bundle } from "../../backend-onnx/bundle.mjs";

const script = await bundle(fileURLToPath(new URL("quantizers.ts", import.meta.url)), "mmgen-bench/quantizers");
const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
