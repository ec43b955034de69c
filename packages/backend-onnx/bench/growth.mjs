// Bundles bench/growth.ts, with the packages' sources in it, and runs it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bundle } from "../bundle.mjs";

const script = await bundle(fileURLToPath(new URL("growth.ts", import.meta.url)), "mmgen-bench/growth");
const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
