// `npm run test:torchrun`: examples/torchrun, in two processes and in one. Needs a Python with torch 2: `$MMGEN_PYTHON`, else
// `python3`; the exported step needs its onnxruntime too.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const python = process.env.MMGEN_PYTHON ?? "python3";
/** Another model than the one that wrote the codes. */
const larger = ["--width", "48", "--layers", "3"];
const has = (modules) => spawnSync(python, ["-c", `import ${modules}`], { stdio: "ignore" }).status === 0;
// Two processes of one thread each are what two cores have; no INIT_CWD of a surrounding npm, as paths are whole.
const { INIT_CWD: _, ...environment } = process.env;
const env = { ...environment, OMP_NUM_THREADS: "1", GLOO_SOCKET_IFNAME: "lo", PYTHONDONTWRITEBYTECODE: "1" };

async function run(command, args, expected = 0) {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) {
    child[stream].setEncoding("utf8").on("data", (text) => (said[stream] += text));
  }
  const limit = setTimeout(() => child.kill(), 240_000);
  const [status] = await once(child, "close");
  clearTimeout(limit);
  assert.equal(status, expected, `${command} ${args.join(" ")}\n${said.stdout}\n${said.stderr}`);
  return said;
}

if (!has("torch.distributed.run, numpy; from torch.nn.functional import scaled_dot_product_attention")) {
  console.log(`Skipped training with torchrun: ${python} has no torch 2 and numpy (MMGEN_PYTHON names another).`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "mmgen-torchrun-"));
  try {
    await check(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function check(folder) {
  const inside = (name) => join(folder, name);
  const [models, example] = await Promise.all([
    bundle(path("models.ts"), "mmgen-torchrun-models"),
    bundle(path("../../examples/torchrun/src/main.ts"), "mmgen-torchrun"),
  ]);
  const show = async (command, args) => process.stdout.write((await run(command, args)).stdout);
  const write = (name, ...flags) => {
    const source = ["--model", inside("model"), "--images", inside("images")];
    return run(process.execPath, [example, "write", inside(name), ...source, ...flags]);
  };
  const script = path("../../examples/torchrun/train.py");
  const launcher = "-m torch.distributed.run --standalone --nproc-per-node 2".split(" ");
  const settings = ["--batch", "16", "--steps", "16"];
  const train = (processes, name, ...flags) =>
    run(python, [...(processes === 1 ? [] : launcher), script, inside(name), ...settings, ...flags]);
  const slow = ["--learning-rate", "2e-3"];
  const other = ["--learning-rate", "2.1e-3"];
  const exports = has("onnxruntime");

  await run(process.execPath, [models, "write", folder]);
  await write("one", ...larger);
  for (const name of ["two", "seed", "rate"]) {
    cpSync(inside("one"), inside(name), { recursive: true });
  }
  if (exports) {
    await write("exported", ...larger, "--exported", "--processes", "2");
    await write("codec-one", "--stage", "vqvae");
    await write("codec-two", "--stage", "vqvae", "--processes", "2");
  }
  await Promise.all([
    show(python, [path("check.py"), "logits", inside("kinds")]),
    train(1, "one", ...slow),
    // Begun in one process, and gone on with in two.
    train(1, "two", ...slow, "--stop-after", "4"),
    train(1, "seed", ...slow, "--seed", "1"),
    train(1, "rate", ...other),
    ...(exports ? [train(1, "codec-one", ...slow)] : []),
  ]);
  const refused = await train(1, "two", ...other).then(assert.fail, ({ message }) => message);
  assert.match(refused, /is of a run with other settings/);
  for (const name of ["two", ...(exports ? ["exported", "codec-two"] : [])]) {
    await train(2, name, ...slow);
  }
  const equal = ["one,two", ...(exports ? ["one,exported", "codec-one,codec-two"] : [])];
  await show(python, [path("check.py"), "runs", folder, "--equal", ...equal, "--other", "one,seed", "one,rate"]);
  if (!exports) {
    console.log(`Skipped exported steps: ${python} has no onnxruntime.`);
  }
  await show(process.execPath, [models, "check", folder]);
  const read = ["read", inside("two"), "--model", inside("model"), "--out", inside("trained")];
  await run(process.execPath, [example, ...read, "--draw", "a blue thing"]);
  assert.equal(readFileSync(inside("trained/drawn.png")).subarray(1, 4).toString(), "PNG");
}
