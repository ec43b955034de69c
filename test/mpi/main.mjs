// `npm run test:mpi`: training in processes that `mpirun` starts, against one process. Needs Open MPI (openmpi-bin) and koffi.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";
import { here, interrupt, run, twoHosts } from "./launch.mjs";

const folder = mkdtempSync(join(tmpdir(), "mmgen-mpi-"));
const statePath = join(folder, "state.bin");
const source = (path) => fileURLToPath(new URL(path, import.meta.url));
let job = "";
let example = "";

const program = (...args) => [process.execPath, job, ...args];

/** Trains in one process, or in many; gives what each has written. */
function train(processes, kind, parts = "", then = "", launcher = here(processes)) {
  const { status, stderr } = run([...(processes === 1 ? [] : launcher), ...program(kind, parts, then)], folder);
  const outputs = Array.from({ length: processes }, (_, rank) => join(folder, `${kind}.${rank}.bin`));
  return { status, stderr, weights: status === 0 ? outputs.map((path) => readFileSync(path)) : [] };
}

function greatestDifference(a, b) {
  const floats = (bytes) => {
    const header = 8 + Number(bytes.readBigUInt64LE(0));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + header, bytes.byteOffset + bytes.length));
  };
  const [left, right] = [floats(a), floats(b)];
  assert.equal(left.length, right.length);
  return left.reduce((most, value, i) => Math.max(most, Math.abs(value - right[i])), 0);
}

function expectEqual({ status, stderr, weights }) {
  assert.equal(status, 0, stderr);
  weights.forEach((bytes, rank) => {
    assert(bytes.equals(weights[0]), `process ${rank} ended with other weights than process 0`);
  });
  return weights[0];
}

/** The one line that a failed job writes, beside what mpirun says itself. */
function expectLine({ status, stderr }, line) {
  assert.notEqual(status, 0);
  assert.equal(stderr.split("\n").filter((each) => line.test(each)).length, 1, stderr);
}

/** What was stopped goes on with another number of processes, as if it had not been. */
function expectGoesOn(processes, whole) {
  const difference = greatestDifference(expectEqual(train(processes, "transformer", "4", "resume")), whole);
  assert(difference < 1e-5, `${processes} processes that go on differ by ${difference}`);
  rmSync(statePath);
}

function equalities() {
  const [one, two] = [train(1, "transformer", "2"), train(2, "transformer", "2")].map(expectEqual);
  assert(one.equals(two), "2 processes and one with two parts differ");
  console.log("2 processes equal one with two parts to the bit, dropout on");
  // Statistics of batch norms and dead codes are updated once a step in a group, and once a part in one process.
  for (const [kind, parts, fewer] of [
    ["transformer", "4", 1],
    ["ema", "", 1],
    ["gradient", "", 1],
    ["adversarial", "4", 2],
    ["batch-norm", "4", 2],
  ]) {
    const difference = greatestDifference(...[train(fewer, kind, parts), train(4, kind, parts)].map(expectEqual));
    assert(difference < 1e-5, `${kind}: 4 processes and ${fewer} differ by ${difference}`);
    console.log(`4 processes equal each other to the bit and ${fewer} to ${difference.toExponential(1)}: ${kind}`);
  }
  return one;
}

async function endings() {
  const whole = expectEqual(train(2, "transformer", "4"));
  rmSync(statePath);
  expectLine(
    train(2, "transformer", "4", "throw"),
    /Process 1 of 2 failed: .*the disk is gone.*after step 1 is written/,
  );
  expectGoesOn(4, whole);
  expectLine(
    train(2, "transformer", "4", "late"),
    /^Process 1 of 2 failed: .*the disk is gone|^GroupError: .*the disk is gone/,
  );
  rmSync(statePath);
  assert.notEqual(train(2, "transformer", "4", "SIGKILL").status, 0);
  expectGoesOn(1, whole);
  expectLine(train(2, "transformer", "4", "SIGTERM"), /Stopped after step [23]\./);
  expectGoesOn(4, whole);
  const command = [...here(2), ...program("transformer", "4", "endless")];
  expectLine(await interrupt(command, folder, "SIGINT", () => existsSync(statePath)), /Stopped after step \d+\./);
  assert(readFileSync(statePath).length > 0);
  console.log("A process that throws, is killed or gets Ctrl-C ends all with one line and a state to go on from");
}

/** An example's whole run in two processes, and the beginning of one in a single process. */
function examples() {
  const args = (out) => [
    process.execPath,
    example,
    "--preset",
    "smoke",
    "--data",
    "procedural",
    "--out",
    join(folder, out),
  ];
  const both = run([...here(2), ...args("both"), "--processes", "mpi", "--device", "cpu"], folder);
  assert.equal(both.status, 0, both.stderr);
  assert.match(both.stderr, /^Backend: onnx \(ONNX Runtime on the CPU, asked for\)\. Processes: 2\. /m);
  assert.equal(both.stdout.split("\n").filter((line) => line.startsWith("look at")).length, 1, both.stdout);
  const results = readdirSync(join(folder, "both", "results"));
  assert(
    ["metrics.json", "report.html", "vqvae.jsonl"].every((name) => results.includes(name)),
    results.join(),
  );
  run([...args("one"), "--stop-after", "1"], folder);
  const [first, alone] = ["both", "one"].map((out) => {
    const lines = readFileSync(join(folder, out, "results", "vqvae.jsonl"), "utf8")
      .trim()
      .split("\n");
    return lines.map((line) => JSON.parse(line)).find(({ step, loss }) => step === 1 && loss !== undefined).loss;
  });
  // The first step's loss is that of the whole batch, before anything has moved.
  assert(Math.abs(first - alone) < 1e-6, `the first loss is ${first} in two processes and ${alone} in one`);
  const again = run([...here(2), ...args("both"), "--processes", "mpi"], folder);
  expectLine(again, /^Error: .* holds an earlier run/);
  console.log("An example trains in 2 processes, of which one prints and writes");
}

function hosts(one) {
  const made = twoHosts(folder);
  if (made === undefined) {
    console.log("Skipped two hosts over TCP: network namespaces need root and ip (apt-get install iproute2).");
    return;
  }
  try {
    const two = expectEqual(train(2, "transformer", "2", "", made.command));
    assert(one.equals(two), "2 hosts and one process with two parts differ");
    console.log("2 hosts over TCP equal one process with two parts to the bit");
  } finally {
    made.remove();
  }
}

if (spawnSync("mpirun", ["--version"], { stdio: "ignore" }).status !== 0) {
  console.log("Skipped training over MPI: there is no mpirun (apt-get install openmpi-bin).");
} else {
  try {
    job = await bundle(source("job.ts"), "mmgen-mpi", /^koffi$/);
    example = await bundle(source("../../examples/mnist-vlm/src/main.ts"), "mmgen-mpi-example", /^koffi$/);
    const one = equalities();
    hosts(one);
    await endings();
    examples();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
