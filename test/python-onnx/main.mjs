// `npm run test:python`: exported models in Python's ONNX Runtime, against this project's own results. Needs a Python with
// onnxruntime and numpy: `$MMGEN_PYTHON`, else `python3`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";

const python = process.env.MMGEN_PYTHON ?? "python3";
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const run = (program, args) => spawnSync(program, args, { stdio: "inherit" }).status ?? 1;

if (spawnSync(python, ["-c", "import onnxruntime, numpy"], { stdio: "ignore" }).status !== 0) {
  console.log(
    `Skipped exported models in Python: ${python} has no onnxruntime and numpy (MMGEN_PYTHON names another).`,
  );
} else {
  const folder = mkdtempSync(join(tmpdir(), "mmgen-python-"));
  try {
    const script = await bundle(path("write-models.ts"), "mmgen-python-onnx");
    process.exitCode = run(process.execPath, [script, folder]) || run(python, [path("check.py"), folder]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
