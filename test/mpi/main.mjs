// `npm run test:mpi`: training in processes that `mpirun` starts, against one process. Needs Open MPI (openmpi-bin) and koffi.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/bundle.mjs";

const folder = mkdtempSync(join(tmpdir(), "mmgen-mpi-"));
const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" };
let script = "";

/** Trains in one process, or in many; gives what each has written. */
function train(processes, kind, parts = "", then = "") {
  const program = [process.execPath, script, kind, parts, then];
  const mpirun = ["mpirun", "-n", String(processes), "--oversubscribe", "--bind-to", "none"];
  const [command, ...args] = processes === 1 ? program : [...mpirun, ...program];
  const { status, stderr } = spawnSync(command, args, { cwd: folder, encoding: "utf8", env, timeout: 60_000 });
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

if (spawnSync("mpirun", ["--version"], { stdio: "ignore" }).status !== 0) {
  console.log("Skipped training over MPI: there is no mpirun (apt-get install openmpi-bin).");
} else {
  try {
    script = await bundle(fileURLToPath(new URL("job.ts", import.meta.url)), "mmgen-mpi", /^koffi$/);
    const [one, two] = [train(1, "transformer", "2"), train(2, "transformer", "2")].map(expectEqual);
    assert(one.equals(two), "2 processes and one with two parts differ");
    console.log("2 processes equal one with two parts to the bit, dropout on");
    for (const [kind, parts] of [
      ["transformer", "4"],
      ["ema", ""],
      ["gradient", ""],
    ]) {
      const difference = greatestDifference(...[train(1, kind, parts), train(4, kind, parts)].map(expectEqual));
      assert(difference < 1e-5, `${kind}: 4 processes and one differ by ${difference}`);
      console.log(`4 processes equal each other to the bit and one to ${difference.toExponential(1)}: ${kind}`);
    }
    const failed = train(2, "transformer", "2", "throw");
    assert.notEqual(failed.status, 0);
    const lines = failed.stderr.split("\n").filter((line) => line.includes("the disk is gone"));
    assert.deepEqual(lines.length, 1, failed.stderr);
    assert.match(lines[0], /Process 1 of 2 failed: .*The state after step 3 is written/);
    assert(readFileSync(join(folder, "state.bin")).length > 0);
    console.log("A process that throws ends all, with one line and the state written");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
