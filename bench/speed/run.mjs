// `npm run bench -- [workload…] [--no-cpu] [--no-torch] [--provider NAME] [--runtime NAME]`: runs each workload on ONNX
// Runtime, in PyTorch, on tfjs-backend-cpu and, where `npm run test:tensorflow` has built its addon, on tfjs-node, one after the
// other on this machine, and prints times and ratios. PyTorch is that of `$MMGEN_PYTHON`, else of `python3`; it uses CUDA
// if ONNX Runtime's execution provider is not the cpu. "× later" is the time of the first run, in which graphs are recorded
// and compiled, by that of a later one. "outside" is the part of a run that ONNX Runtime does not take, and its share. The
// share of the peak is that of PyTorch's arithmetic in our time, against a product of 1024³.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundle } from "../../scripts/bundle.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values: flags, positionals: chosen } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    cpu: { type: "boolean", default: true },
    torch: { type: "boolean", default: true },
    provider: { type: "string", default: "cpu" },
    runtime: { type: "string" },
  },
});
const engine = [`--provider=${flags.provider}`, ...(flags.runtime === undefined ? [] : [`--runtime=${flags.runtime}`])];
const python = process.env.MMGEN_PYTHON ?? "python3";

/** The workloads, and the speed relative to PyTorch that each should reach, if one is set. */
const workloads = [
  { name: "vqvae-256", label: "VQ-VAE step, 256 channels, 32", target: 1.1 },
  { name: "vqvae-64", label: "VQ-VAE step, 64 channels, 128", target: 1 },
  { name: "vqvae-images", label: "VQ-VAE step, 64×64, levels, 32", target: 1 },
  { name: "encode", label: "encode 512 images", target: 1.3 },
  { name: "decode", label: "decode 512 images", target: 1.3 },
  { name: "igpt", label: "iGPT step, 128 × 57", target: 1.3 },
  { name: "igpt-no-dropout", label: "iGPT without dropout, 128 × 57" },
  { name: "gpt-d", label: "GPT d 384 × 8 step, 64 × 32", target: 1.15 },
  { name: "gpt-86m", label: "GPT 86 M weights step, 4 × 256", target: 1.15 },
  { name: "image-transformer", label: "256 codes, d 256 × 6 step, 32", target: 1.15 },
  { name: "diffusion-64", label: "diffusion round, 64 × 64 codes", target: 1.2 },
  { name: "generate-1", label: "generate 57 ids, 1 row", target: 4 },
  { name: "generate-64", label: "generate 57 ids, 64 rows", target: 2 },
  { name: "generate-1024", label: "generate 57 ids, 1024 rows" },
].filter(({ name }) => chosen.length === 0 || chosen.includes(name));

function json(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 24 });
  if (status !== 0) {
    return { error: stderr?.trim().split("\n").at(-1) || `${command} does not start` };
  }
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

const script = await bundle(path("measure.ts"), "mmgen-bench/measure");
const torchFlags = flags.provider === "cpu" ? [] : ["--cuda"];
const torch = !flags.torch
  ? { error: "not asked for" }
  : json(python, ["-c", "import torch, json; print(json.dumps({'version': torch.__version__}))"]);
console.log(torch.error ? `PyTorch: skipped (${torch.error}).` : `PyTorch ${torch.version}, 2 threads.`);
const tfjsNode = await tfjsNodeScript();
const speed = json(process.execPath, [script, "product", ...engine]);
const gflops = speed.error ? undefined : (2 * 1024 ** 3) / speed.ms / 1e6;
if (gflops !== undefined) {
  console.log(`A product of two matrices of 1024² numbers: ${gflops.toFixed(0)} GFLOP/s.`);
}
const columns = [31, 9, 9, 10, 8, 10, 8, 11, 16, 9, 8, 8, 12];
const row = (...cells) => console.log(cells.map((cell, i) => String(cell).padStart(columns[i])).join(" "));
row(
  "work",
  "ours ms",
  "eager ms",
  "× eager",
  "target",
  "torch.c ms",
  "× cpu",
  "× tfjs-node",
  "outside ms",
  "first ms",
  "× later",
  "of peak",
  "peak MiB",
);
const fixed = (value, digits = 1) => (value === undefined ? "–" : value.toFixed(digits));

let failed = false;
for (const { name, label, target } of workloads) {
  // Processes that torch.compile started keep working for a moment.
  await setTimeout(4000);
  const ours = json(process.execPath, [
    script,
    name,
    ...engine,
    ...(flags.cpu && flags.provider === "cpu" ? ["--cpu"] : []),
  ]);
  if (ours.error) {
    console.error(`${label}: ${ours.error}`);
    failed = true;
    continue;
  }
  const eager = torch.error ? {} : json(python, [path("measure.py"), name, ...torchFlags]);
  if ((eager.parameters ?? ours.parameters) !== ours.parameters) {
    console.error(`${label}: the twin learns ${eager.parameters} values, and not ${ours.parameters}.`);
    failed = true;
    continue;
  }
  const compiled = torch.error ? {} : json(python, [path("measure.py"), name, "--compile", ...torchFlags]);
  const node = tfjsNode === undefined ? {} : json(process.execPath, [tfjsNode, name, "--provider=tfjs-node"]);
  const share = gflops && eager.flops ? eager.flops / (ours.ms * gflops * 1e6) : undefined;
  row(
    label,
    fixed(ours.ms),
    eager.error ?? fixed(eager.ms),
    eager.ms ? fixed(eager.ms / ours.ms, 2) : "–",
    fixed(target, 2),
    compiled.error ? "fails" : fixed(compiled.ms),
    fixed(ours.timesCpu ?? undefined, 0),
    node.error ? "fails" : fixed(node.ms && node.ms / ours.ms, 2),
    `${fixed(ours.outsideMs)} (${fixed((100 * ours.outsideMs) / ours.ms)} %)`,
    fixed(ours.firstMs, 0),
    fixed(ours.firstMs / ours.ms, 1),
    share === undefined ? "–" : `${Math.round(100 * share)} %`,
    `${ours.peakMiB} / ${eager.peakMiB ?? "–"}`,
  );
  if (ours.fallback.length > 0) {
    console.log(`  through the fallback: ${ours.fallback.join(", ")}`);
  }
}
process.exitCode = failed ? 1 : 0;

/** The same script beside tfjs-node, whose tfjs-core it shares; undefined where its addon is not built. */
async function tfjsNodeScript() {
  const addon = path("../../node_modules/.cache/mmgen-tensorflow/node_modules/@tensorflow/tfjs-node/lib/napi-v8");
  return flags.provider === "cpu" && existsSync(`${addon}/tfjs_binding.node`)
    ? bundle(path("measure.ts"), "mmgen-tensorflow/measure", /^@tensorflow\/[^/]+$/)
    : undefined;
}
