// `npm run bench -- [workload…] [--device NAME] [--runtime NAME] [--replay] [--no-cpu] [--no-torch] [--no-compile]`: runs
// each workload on ONNX Runtime and in PyTorch, one after the other on this machine, and prints times and ratios.
//
// `--device` (or `--provider`) is where ONNX Runtime computes: cpu, the default; cuda, webgpu or auto, as of
// `useOnnx({ device })`; or another execution provider. `--runtime` is binding or c-api, as `useOnnx` chooses if absent.
// `--replay` captures steps and replays them, and tells how many graphs are replayed and why others are not. Without names
// all workloads run, on the cpu all but two that are for a GPU.
//
// PyTorch is that of `$MMGEN_PYTHON`, else of `python3`: eager and compiled by `torch.compile` (`--no-compile`: not that).
// For another device than the cpu it computes with CUDA, as fast as it does in fp32 or TF32, which stands beside its time;
// and captured: the whole run as one CUDA graph, or "–" and below it why not. `--no-torch` leaves PyTorch out.
//
// On the cpu there are also tfjs-backend-cpu (`--no-cpu`: not that) and, where `npm run test:tensorflow` has built its addon,
// tfjs-node. "× later" is the time of the first run, in which graphs are recorded and compiled, by that of a later one.
// "outside" is the part of a run that ONNX Runtime does not take, and its share. The share of the peak, on the cpu, is that of
// PyTorch's arithmetic in our time, against a product of 1024³. Targets are ratios to reach.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundle } from "../../scripts/bundle.mjs";
import { chooseWorks } from "./works.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values: flags, positionals: named } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    cpu: { type: "boolean", default: true },
    torch: { type: "boolean", default: true },
    compile: { type: "boolean", default: true },
    device: { type: "string" },
    provider: { type: "string" },
    runtime: { type: "string" },
    replay: { type: "boolean", default: false },
  },
});
const engine = [
  `--device=${flags.device ?? flags.provider ?? "cpu"}`,
  ...(flags.runtime === undefined ? [] : [`--runtime=${flags.runtime}`]),
  ...(flags.replay ? ["--replay"] : []),
];
const python = process.env.MMGEN_PYTHON ?? "python3";
const torchCheck =
  "import torch, json; print(json.dumps({'version': torch.__version__, 'cuda': torch.cuda.is_available()}))";

/** The JSON in the last line that a program prints, or its `error`. */
function json(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 24 });
  if (status !== 0) {
    const lines = stderr?.trim().split("\n") ?? [];
    const error = lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1);
    return { error: error || `${command} does not start` };
  }
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

const script = await bundle(path("measure.ts"), "mmgen-bench/measure");
const speed = json(process.execPath, [script, "product", ...engine]);
if (speed.error) {
  console.error(speed.error);
  process.exit(1);
}
console.log(`Ours: ${speed.line}.`);
const device = speed.provider;
const onCpu = device === "cpu";
const works = chooseWorks(named, device);
const torch = flags.torch ? json(python, ["-c", torchCheck]) : { error: "not asked for" };
if (!torch.error && !onCpu && !torch.cuda) {
  torch.error = `${torch.version} finds no CUDA device`;
}
console.log(
  torch.error
    ? `PyTorch: skipped (${torch.error}).`
    : `PyTorch ${torch.version}, ${onCpu ? "2 threads" : "on CUDA, the faster of fp32 and TF32"}.`,
);
const tfjsNode = await tfjsNodeScript();
const gflops = (2 * 1024 ** 3) / speed.ms / 1e6;
if (onCpu) {
  console.log(`A product of two matrices of 1024² numbers: ${gflops.toFixed(0)} GFLOP/s.`);
}

const fixed = (value, digits = 1) => (value === undefined || value === null ? "–" : value.toFixed(digits));
const times = (found, ours) => fixed(found.ms && found.ms / ours.ms, 2);
const timeOf = ({ ms, precision }) => (onCpu || ms === undefined ? fixed(ms) : `${fixed(ms)} ${precision}`);
const torchWidth = onCpu ? 10 : 12;
/** Title, width, and the cell of what was measured of a work. */
const columns = [
  ["work", 31, ({ work }) => work.label],
  ["ours ms", 9, ({ ours }) => fixed(ours.ms)],
  ["eager ms", torchWidth, ({ eager }) => timeOf(eager)],
  ["× eager", 8, ({ eager, ours }) => times(eager, ours)],
  ["target", 7, ({ work }) => fixed(work[device], 2)],
  ["torch.c ms", torchWidth, ({ compiled }) => timeOf(compiled)],
  ...(onCpu
    ? [
        ["× cpu", 8, ({ ours }) => fixed(ours.timesCpu, 0)],
        ["× tfjs-node", 11, ({ node, ours }) => times(node, ours)],
      ]
    : [
        ["captured ms", torchWidth, ({ captured }) => timeOf(captured)],
        ["× captured", 10, ({ captured, ours }) => times(captured, ours)],
        ["target", 7, ({ work }) => fixed(device === "cuda" ? work.captured : undefined, 2)],
      ]),
  ["outside ms", 16, ({ ours }) => `${fixed(ours.outsideMs)} (${fixed((100 * ours.outsideMs) / ours.ms)} %)`],
  ["first ms", 9, ({ ours }) => fixed(ours.firstMs, 0)],
  ["× later", 8, ({ ours }) => fixed(ours.firstMs / ours.ms)],
  ...(onCpu ? [["of peak", 8, shareOfPeak]] : []),
  ["peak MiB", 13, ({ eager, ours }) => `${ours.peakMiB} / ${eager.peakMiB ?? "–"}`],
];
const row = (cells) => console.log(cells.map((cell, i) => cell.padStart(columns[i][1])).join(" "));
row(columns.map(([title]) => title));

let failed = false;
for (const work of works) {
  if (flags.compile && !torch.error) {
    // Processes that torch.compile started keep working for a moment.
    await setTimeout(4000);
  }
  const ours = json(process.execPath, [script, work.name, ...engine, ...(flags.cpu && onCpu ? ["--cpu"] : [])]);
  if (ours.error) {
    console.error(`${work.label}: ${ours.error}`);
    failed = true;
    continue;
  }
  const eager = inTorch(work);
  if ((eager.parameters ?? ours.parameters) !== ours.parameters) {
    console.error(`${work.label}: the twin learns ${eager.parameters} values, and not ${ours.parameters}.`);
    failed = true;
    continue;
  }
  const captured = onCpu ? {} : inTorch(work, "--capture");
  const compiled = flags.compile ? inTorch(work, "--compile") : {};
  const node = tfjsNode === undefined ? {} : json(process.execPath, [tfjsNode, work.name, "--backend=tensorflow"]);
  const found = { work, ours, eager, compiled, captured, node };
  row(columns.map(([, , cell]) => cell(found)));
  for (const [name, { error }] of Object.entries({ eager, "torch.compile": compiled, captured, "tfjs-node": node })) {
    if (error) {
      console.log(`  ${name}: – (${error})`);
    }
  }
  if (ours.fallback.length > 0) {
    console.log(`  through the fallback: ${ours.fallback.join(", ")}`);
  }
  if (flags.replay) {
    console.log(`  replayed: ${ours.replayed}; not: ${ours.notReplayed.join("; ") || "none"}`);
  }
}
process.exitCode = failed ? 1 : 0;

/** What PyTorch takes, in the mode of a flag of measure.py. */
function inTorch(work, ...mode) {
  return torch.error ? {} : json(python, [path("measure.py"), work.name, ...mode, ...(onCpu ? [] : ["--cuda"])]);
}

function shareOfPeak({ eager, ours }) {
  return eager.flops ? `${Math.round((100 * eager.flops) / (ours.ms * gflops * 1e6))} %` : "–";
}

/** The same script beside tfjs-node, whose tfjs-core it shares; undefined where its addon is not built. */
async function tfjsNodeScript() {
  const addon = path("../../node_modules/.cache/mmgen-tensorflow/node_modules/@tensorflow/tfjs-node/lib/napi-v8");
  return onCpu && existsSync(`${addon}/tfjs_binding.node`)
    ? bundle(path("measure.ts"), "mmgen-tensorflow/measure", /^@tensorflow\/[^/]+$/)
    : undefined;
}
