// `npm run bench:quantizers` and `npm run bench:ablation`: bundles bench/<name>.ts, with the packages' sources in it, and
// runs it with the arguments that follow.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bundle } from "../../backend-onnx/bundle.mjs";

const [name, ...rest] = process.argv.slice(2);
const script = await bundle(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), `mmgen-bench/${name}`);
const { status } = spawnSync(process.execPath, [script, ...rest], { stdio: "inherit" });
process.exitCode = status ?? 1;
