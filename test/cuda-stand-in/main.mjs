// `npm run test:cuda`: ONNX Runtime's CUDA provider where there is no card, on libraries that stand in for CUDA's: memory and
// copies are real and lie on the host, kernels do nothing. Shows that the provider takes every node of this project's
// trainings, encoding, decoding and generations, and accepts them for capture, and, by graphs that copy, what is taken on a
// card: one arena for all, limits, captured graphs beside it. What kernels compute, and times, need a card.
//
// Needs Linux on x64, python3 with pip, cc and nm; the provider is that of PyPI's onnxruntime-gpu (250 MB), kept in
// node_modules/.cache.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";
import { missingTool } from "../../scripts/missing-tool.mjs";
import { buildLibraries, run } from "./libraries.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const name = "mmgen-cuda-stand-in";
const cache = path(`../../node_modules/.cache/${name}/`);
/** A copy of onnxruntime-node with the provider's libraries beside its own. */
const copy = join(cache, "node_modules", "onnxruntime-node");
const libraries = join(cache, "libraries");
const providers = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];

const missing = process.platform !== "linux" || process.arch !== "x64" ? "Linux on x64" : missingTool("cc", "nm");
if (missing !== undefined) {
  skip(`it needs ${missing}`);
}
const original = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
const { version } = JSON.parse(readFileSync(join(original, "package.json"), "utf8"));
const folder = join("bin", readdirSync(join(original, "bin"))[0], "linux", "x64");
if (!existsSync(copy) || JSON.parse(readFileSync(join(copy, "package.json"), "utf8")).version !== version) {
  download();
}
rmSync(libraries, { recursive: true, force: true });
mkdirSync(libraries);
buildLibraries(join(copy, folder, providers[1]), libraries);
const script = await bundle(path("check.ts"), `${name}/check`);
const { status } = spawnSync(process.execPath, [script, join(libraries, "libcudart.so.13")], {
  stdio: "inherit",
  env: { ...process.env, LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":") },
});
process.exitCode = status ?? 1;

/** Fetches the provider, and puts it beside a copy of the library, which appears when all of it is there. */
function download() {
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(dirname(copy), { recursive: true });
  const scratch = mkdtempSync(join(cache, "download-"));
  const platform = ["--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_27_x86_64", "--python-version=3.12"];
  const fetch = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--no-deps",
    "--only-binary=:all:",
    `--dest=${scratch}`,
    ...platform,
  ];
  const { error, signal, stderr, status } = spawnSync("python3", [...fetch, `onnxruntime-gpu==${version}`], {
    encoding: "utf8",
    timeout: 180_000,
  });
  if (status !== 0) {
    rmSync(scratch, { recursive: true });
    skip(`onnxruntime-gpu ${version} does not come from PyPI: ${error ?? signal ?? stderr.trim().split("\n").at(-1)}`);
  }
  run("python3", ["-m", "zipfile", "-e", join(scratch, readdirSync(scratch)[0]), scratch]);
  const made = join(scratch, "onnxruntime-node");
  for (const part of ["package.json", "dist", folder]) {
    cpSync(join(original, part), join(made, part), { recursive: true });
  }
  for (const provider of providers) {
    renameSync(join(scratch, "onnxruntime", "capi", provider), join(made, folder, provider));
  }
  renameSync(made, copy);
  rmSync(scratch, { recursive: true });
}

function skip(reason) {
  console.log(`Skipped ONNX Runtime's CUDA provider without a card: ${reason}.`);
  process.exit(0);
}
