// Bundles bench/memory.ts, with the packages' sources in it, and runs it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { bundle } from "../bundle.mjs";

const script = await bundle(fileURLToPath(new URL("memory.ts", import.meta.url)), "mmgen-bench/memory");
const { status } = spawnSync(process.execPath, ["--expose-gc", script], { stdio: "inherit" });
process.exitCode = status ?? 1;
