// Loads the fixtures that PyTorch wrote, saves them again, and has PyTorch compare: needs torch and safetensors in
// `$MMGEN_PYTHON`, else in `python3`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../bundle.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mmgen-interchange-"));
const run = (command, args) => spawnSync(command, args, { stdio: "inherit" }).status ?? 1;
try {
  const script = await bundle(path("interchange.ts"), "mmgen-bench/interchange");
  process.exitCode =
    run(process.execPath, [script, folder, path("../../")]) ||
    run(process.env.MMGEN_PYTHON ?? "python3", [path("torch/interchange.py"), "check", folder]);
} finally {
  rmSync(folder, { recursive: true });
}
