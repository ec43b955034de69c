// `npm run bench:webgpu -- [workload…] [--software] [--runtime NAME] [--replay]`: runs each workload on ONNX Runtime's WebGPU
// provider and on @tensorflow/tfjs-backend-webgpu, both in Node by Dawn on the same device, one after the other, and prints
// times and ratios. `--software` takes SwiftShader, the driver in software that Chromium brings ($VK_DRIVER_FILES, else
// Debian's file), three runs of small sizes; without it the machine's own GPU does the full work. `--replay`,
// with `--runtime c-api`, captures steps and replays them, and tells how many graphs are replayed and why others are not.
// tfjs's backend and the package `webgpu`, which has Dawn, are installed into node_modules/.cache.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundle } from "../../scripts/bundle.mjs";
import { chooseWorks } from "./works.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const cache = path("../../node_modules/.cache/mmgen-tfjs-webgpu/");
const names = ["core", "backend-cpu", "backend-webgpu"].map((name) => `@tensorflow/tfjs-${name}@4.22.0`);
const packages = ["webgpu@0.6.2", ...names];

const { values: flags, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    software: { type: "boolean", default: false },
    runtime: { type: "string" },
    replay: { type: "boolean", default: false },
  },
});
const works = chooseWorks(named, "webgpu");
/** How many times as fast as tfjs's backend each should be. */
const target = 1.5;

const driver = process.env.VK_DRIVER_FILES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";
const env = flags.software ? { ...process.env, VK_DRIVER_FILES: driver } : process.env;

function measure(script, name, options) {
  const args = [script, name, ...options, ...(flags.software ? ["--software"] : [])];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env, maxBuffer: 2 ** 24 });
  return status === 0
    ? JSON.parse(stdout.trim().split("\n").at(-1))
    : { error: stderr.trim() || `ends with ${status}` };
}

if (flags.software && !existsSync(driver)) {
  console.error(`There is no ${driver}; set VK_DRIVER_FILES to a driver's file.`);
  process.exit(1);
}
if (!existsSync(`${cache}node_modules/@tensorflow/tfjs-backend-webgpu`)) {
  mkdirSync(cache, { recursive: true });
  writeFileSync(`${cache}package.json`, '{ "private": true }\n');
  const install = ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", ...packages];
  const { status } = spawnSync("npm", install, { cwd: cache, stdio: "inherit" });
  if (status !== 0) {
    process.exit(1);
  }
}
const ours = await bundle(path("measure.ts"), "mmgen-bench/measure");
// One copy of tfjs-core: that beside tfjs's backend.
const theirs = await bundle(path("measure.ts"), "mmgen-tfjs-webgpu/measure", /^@tensorflow\/[^/]+$/);

const columns = [18, 9, 9, 8, 11, 13, 13];
const row = (...cells) => console.log(cells.map((cell, i) => String(cell).padStart(columns[i])).join(" "));
const fixed = (value, digits = 0) => (value === undefined ? "–" : value.toFixed(digits));
row("work", "ours ms", "tfjs ms", "× tfjs", "outside ms", "first ms", "tfjs's first");
const runtime = flags.runtime ?? (flags.replay ? "c-api" : "binding");
const engine = ["--device=webgpu", `--runtime=${runtime}`, ...(flags.replay ? ["--replay"] : [])];
let device;
for (const { name } of works) {
  const found = measure(ours, name, engine);
  const other = measure(theirs, name, ["--backend=webgpu"]);
  const wrong = found.error ?? other.error;
  if (wrong !== undefined) {
    console.error(`${name}, ${found.error ? "ours" : "tfjs's"}: ${wrong}`);
    process.exitCode = 1;
  }
  device ??= other.adapter;
  const ratio = other.ms / found.ms;
  row(
    name,
    fixed(found.ms),
    fixed(other.ms),
    `${wrong === undefined ? ratio.toFixed(2) : "–"}${ratio < target ? " !" : "  "}`,
    fixed(found.outsideMs),
    fixed(found.firstMs),
    fixed(other.firstMs),
  );
  if (flags.replay) {
    console.log(`  replayed: ${found.replayed}; not: ${found.notReplayed?.join("; ") || "none"}`);
  }
}
console.log(
  `The device: ${device ? Object.values(device).filter(Boolean).join(", ") : "unknown"}. "!": below ${target}.`,
);
