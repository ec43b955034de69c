// `npm run test:tensorflow [kind…]`: every kind of model at work on @tensorflow/tfjs-node, against plain JavaScript and
// ONNX Runtime. Builds the addon of tfjs-node and tfjs-node-gpu from source, against the TensorFlow library in PyPI's
// tensorflow-cpu: the prebuilt one comes from a host that many networks do not reach. Needs Linux, python3 with pip and
// g++; about 1 GB in node_modules/.cache, which a second run reuses.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";
import { missingTool } from "../../scripts/missing-tool.mjs";

const version = "4.22.0";
const tensorflow = "tensorflow-cpu==2.12.1";
const cache = fileURLToPath(new URL("../../node_modules/.cache/mmgen-tensorflow/", import.meta.url));
const library = join(cache, "library", "tensorflow");

/** Runs a program; ends this one with what it printed where it fails. */
function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: cache, encoding: "utf8", ...options });
  if (status !== 0) {
    console.error(`${program} ${args.join(" ")} failed:\n${error ?? ""}${stdout ?? ""}${stderr ?? ""}`);
    process.exit(1);
  }
}

/** The library and its headers, out of the wheel that PyPI has for one version of Python; no Python of it runs. */
function unpackLibrary() {
  if (existsSync(join(library, "done"))) {
    return;
  }
  console.log(`Unpacking the C library of ${tensorflow}`);
  const platform = ["--platform=manylinux2014_x86_64", "--platform=manylinux_2_17_x86_64", "--python-version=3.11"];
  run("python3", [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--dest=wheel",
    ...platform,
    tensorflow,
  ]);
  run("python3", ["-c", unpack, "wheel", "library"]);
  writeFileSync(join(library, "done"), "");
}

const unpack = `
import glob, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/tensorflow_cpu-*.whl")[0])
headers = tuple("tensorflow/include/tensorflow/" + part for part in ("c/", "tsl/", "core/platform/"))
libraries = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
for name in wheel.namelist():
    if name.startswith(headers) or name in libraries:
        wheel.extract(name, sys.argv[2])
`;

/** Both packages and the addon, which is the same for both. */
function installPackages() {
  const folders = ["tfjs-node", "tfjs-node-gpu"].map((name) => join(cache, "node_modules/@tensorflow", name));
  const addons = folders.map((folder) => join(folder, "lib/napi-v8/tfjs_binding.node"));
  if (addons.every(existsSync)) {
    return;
  }
  console.log(`Installing tfjs-node and tfjs-node-gpu ${version}, and building their addon`);
  const packages = [`@tensorflow/tfjs-node@${version}`, `@tensorflow/tfjs-node-gpu@${version}`];
  const wasm = `@tensorflow/tfjs-backend-wasm@${version}`;
  run("npm", ["install", "--no-save", "--ignore-scripts", ...packages, wasm, "node-api-headers@1.9.0"]);
  for (const addon of addons) {
    mkdirSync(join(addon, ".."), { recursive: true });
  }
  const folder = folders[0];
  run("g++", [
    ...["-O2", "-shared", "-fPIC", "-std=c++17", "-DNAPI_VERSION=8"],
    ...[
      `-I${join(folder, "..")}`,
      `-I${join(library, "include")}`,
      `-I${join(cache, "node_modules/node-api-headers/include")}`,
    ],
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(folder, "binding", name)),
    ...["-o", addons[0], `-L${library}`, "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"],
    `-Wl,-rpath,${library}`,
  ]);
  copyFileSync(addons[0], addons[1]);
}

const missing = process.platform !== "linux" ? "Linux" : missingTool("g++");
if (missing !== undefined) {
  console.log(`Skipped the check of tfjs-node: it needs ${missing}.`);
} else {
  mkdirSync(cache, { recursive: true });
  // A folder of its own: one copy of tfjs-core, and no change to what the project has installed.
  writeFileSync(join(cache, "package.json"), '{ "private": true }\n');
  unpackLibrary();
  installPackages();
  // The packages themselves; files within them, which Node cannot load, are bundled.
  const packages = /^@tensorflow\/[^/]+$/;
  const script = await bundle(fileURLToPath(new URL("work.ts", import.meta.url)), "mmgen-tensorflow/work", packages);
  const options = { stdio: "inherit", cwd: cache, env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" } };
  const scripts = [
    [script, ...process.argv.slice(2)],
    [
      "--input-type=module",
      "--eval",
      'const { backend } = await import("@tensorflow/tfjs-node-gpu");' +
        'console.log("tfjs-node-gpu loads. It sees a GPU:", backend().isUsingGpuDevice);',
    ],
  ];
  process.exitCode = scripts.map((args) => spawnSync(process.execPath, args, options).status ?? 1).find(Boolean) ?? 0;
}
