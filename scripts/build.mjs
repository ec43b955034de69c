/** Builds what changed, in the order of the dependencies; says little, but everything when it fails. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { repositoryRoot } from "./workspace.mjs";

// Of the processes that one mpirun or srun has started, the first to come builds, and the others wait.
const { PMIX_NAMESPACE: job } = process.env;
const cache = join(repositoryRoot, "node_modules", ".cache");
const turn = job && join(cache, `mmgen-build-${job.replace(/\W/g, "-")}`);
const statusFile = `${turn}/status`;
if (turn !== undefined && !takes(turn)) {
  while (!existsSync(statusFile) || readFileSync(statusFile, "utf8") === "") {
    await setTimeout(100);
  }
  process.exit(Number(readFileSync(statusFile, "utf8")));
}

/** @param {string} path - Of a folder that one process alone can make; one of a job of long ago counts for nothing. */
function takes(path) {
  mkdirSync(cache, { recursive: true });
  const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (Date.now() - mtimeMs > 600_000) {
    rmSync(path, { recursive: true, force: true });
  }
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

const started = Date.now();
process.stdout.write("Building … ");
const turbo = createRequire(import.meta.url).resolve("turbo/bin/turbo");
const options = ["--output-logs=errors-only", "--no-update-notifier", "--no-color"];
const child = spawn(process.execPath, [turbo, "run", "build", ...options, ...process.argv.slice(2)], {
  cwd: repositoryRoot,
  stdio: ["ignore", "pipe", "pipe"],
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1" },
});
const output = [];
child.stdout.on("data", (chunk) => output.push(chunk));
child.stderr.on("data", (chunk) => output.push(chunk));
child.on("close", (status) => {
  process.exitCode = status ?? 1;
  if (turn !== undefined) {
    writeFileSync(statusFile, String(process.exitCode));
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (status === 0) {
    console.log(`done in ${seconds} s`);
  } else {
    console.log(`failed after ${seconds} s`);
    process.stderr.write(Buffer.concat(output));
  }
});
