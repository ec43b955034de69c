// `npm run test:cuda`: ONNX Runtime's CUDA provider where there is no card, on libraries that stand in for CUDA's: memory and
// copies are real and lie on the host, kernels do nothing. Shows that the provider takes every node of this project's
// trainings, encoding, decoding and generations, and captures them, and what graphs take on a card: one arena for all, limits,
// captured graphs beside it. Numbers of kernels and times need a card.
//
// Needs Linux on x64, python3 with pip, cc and nm; the provider is that of PyPI's onnxruntime-gpu (250 MB), kept in
// node_modules/.cache.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";
import { buildLibraries } from "./libraries.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const name = "mmgen-cuda-stand-in";
const cache = path(`../../node_modules/.cache/${name}/`);
/** A copy of onnxruntime-node with the provider's libraries beside its own. */
const copy = join(cache, "node_modules", "onnxruntime-node");
const providers = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];

const missing = missingTool();
if (missing !== undefined) {
  skip(`it needs ${missing}`);
}
const original = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
const { version } = JSON.parse(readFileSync(join(original, "package.json"), "utf8"));
if (!existsSync(join(cache, version))) {
  prepare();
}
const script = await bundle(path("check.ts"), `${name}/check`);
const { status } = spawnSync(process.execPath, [script, join(cache, version, "libcudart.so.13")], {
  stdio: "inherit",
  env: { ...process.env, LD_LIBRARY_PATH: join(cache, version) },
});
process.exitCode = status ?? 1;

function missingTool() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return "Linux on x64";
  }
  const starts = (program, ...args) => spawnSync(program, args, { stdio: "ignore" }).status === 0;
  return (
    ["python3", "cc", "nm"].find((program) => !starts(program, "--version")) ??
    (starts("python3", "-m", "pip", "--version") ? undefined : "pip")
  );
}

function prepare() {
  rmSync(cache, { recursive: true, force: true });
  const [wheel, libraries] = [join(cache, "wheel"), join(cache, "libraries")];
  mkdirSync(libraries, { recursive: true });
  const platform = ["--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_27_x86_64", "--python-version=3.12"];
  const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", `--dest=${wheel}`];
  const { error, signal, stderr, status } = spawnSync(
    "python3",
    [...download, ...platform, `onnxruntime-gpu==${version}`],
    { encoding: "utf8", timeout: 180_000 },
  );
  if (status !== 0) {
    skip(`onnxruntime-gpu ${version} does not come from PyPI: ${error ?? signal ?? stderr.trim().split("\n").at(-1)}`);
  }
  const [file] = readdirSync(wheel);
  spawnSync("python3", ["-m", "zipfile", "-e", join(wheel, file), wheel], { stdio: "inherit" });
  const binding = readdirSync(join(original, "bin"))[0];
  const library = join("bin", binding, "linux", "x64");
  for (const part of ["package.json", "dist", library]) {
    cpSync(join(original, part), join(copy, part), { recursive: true });
  }
  for (const provider of providers) {
    copyFileSync(join(wheel, "onnxruntime", "capi", provider), join(copy, library, provider));
  }
  rmSync(wheel, { recursive: true });
  buildLibraries(join(copy, library, providers[1]), libraries);
  cpSync(libraries, join(cache, version), { recursive: true });
  rmSync(libraries, { recursive: true });
}

function skip(reason) {
  console.log(`Skipped ONNX Runtime's CUDA provider without a card: ${reason}.`);
  process.exit(0);
}
