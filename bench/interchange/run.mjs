// `npm run bench:interchange`: loads the fixtures that PyTorch wrote, saves them again, and lets PyTorch compare. Needs
// torch and safetensors in `$MMGEN_PYTHON`, else in `python3`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mmgen-interchange-"));
const run = (command, args) => spawnSync(command, args, { stdio: "inherit" }).status ?? 1;
try {
  const script = await bundle(path("save-models.ts"), "mmgen-bench/save-models");
  process.exitCode =
    run(process.execPath, [script, folder, path("../../packages/")]) ||
    run(process.env.MMGEN_PYTHON ?? "python3", [path("interchange.py"), "check", folder]);
} finally {
  rmSync(folder, { recursive: true });
}
