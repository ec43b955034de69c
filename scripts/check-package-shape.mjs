/**
 * Checks that each package can be published as it is: publint, are-the-types-wrong, and npm's own dry run.
 *
 * Needs the builds. Prints one line a package, and what a tool said where it failed; as many at once as there are cores.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { listPackages } from "./workspace.mjs";

const require = createRequire(import.meta.url);

/** The program of an installed package, called without npx, which costs half a second a call. */
function programOf(name) {
  const path = require.resolve
    .paths(name)
    .map((folder) => join(folder, name, "package.json"))
    .find(existsSync);
  const { bin } = require(path);
  return join(dirname(path), typeof bin === "string" ? bin : Object.values(bin)[0]);
}

const checks = {
  publint: (path) => [process.execPath, programOf("publint"), "run", "--strict", path],
  attw: (path) => [process.execPath, programOf("@arethetypeswrong/cli"), "--pack", path, "--profile", "node16"],
  "npm publish --dry-run": (path) => ["npm", "publish", "--dry-run", path],
};

/** What npm says of its user's configuration or of a login that a dry run does not need. */
const ignoredWarnings = /Unknown (user|env|project) config|requires you to be logged in/;

/** The program's exit status and output. */
function run([program, ...options]) {
  const settings = {
    encoding: "utf8",
    shell: process.platform === "win32",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: Number.POSITIVE_INFINITY,
  };
  return new Promise((resolve) => {
    execFile(program, options, settings, (error, stdout, stderr) =>
      resolve({ failed: error !== null, stdout, stderr }),
    );
  });
}

async function check({ name, path }) {
  const started = Date.now();
  for (const [title, command] of Object.entries(checks)) {
    const { failed, stdout, stderr } = await run(command(path));
    const warnings = stderr
      .split("\n")
      .filter((line) => /^npm (warn|error)/i.test(line) && !ignoredWarnings.test(line));
    if (failed || warnings.length > 0) {
      process.exitCode = 1;
      console.error(`${name}: ${title} failed\n${stdout}${stderr}`);
    }
  }
  console.log(`${name}: checked in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

const left = listPackages();
async function checkThoseLeft() {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    await check(next);
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, checkThoseLeft));
