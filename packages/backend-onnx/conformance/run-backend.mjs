import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Runs the suite on one backend, in a process of its own: tfjs keeps its engine on `globalThis`.
 *
 * @param {string} backend - a name of backends.mjs.
 * @param {string} suite - path of the bundled suite.
 * @param {{ only?: string, provider?: string, runtime?: string }} [options] - part of the names of the specs to run, all
 *   by default; ONNX Runtime's execution provider, the cpu by default; what runs the models, the binding by default.
 * @returns {Map<string, { status: "passed" | "failed" | "excluded", reasons: string[] }>} by spec.
 */
export function runBackend(backend, suite, { only = "", provider = "cpu", runtime = "binding" } = {}) {
  const output = join(dirname(suite), `${backend}.json`);
  const script = fileURLToPath(new URL("run-suite.mjs", import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script, suite, output], {
    env: {
      ...process.env,
      CONFORMANCE_BACKEND: backend,
      CONFORMANCE_ONLY: only,
      CONFORMANCE_PROVIDER: provider,
      CONFORMANCE_RUNTIME: runtime,
    },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) {
    throw new Error(
      `The suite broke off on ${backend} (${signal ?? `status ${status}`}):\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`,
    );
  }
  const results = new Map();
  for (const { name, ...result } of JSON.parse(readFileSync(output, "utf8"))) {
    results.set(distinct(name, results), result);
  }
  return results;
}

/** Some specs have the name of another; the order in which they run tells them apart. */
function distinct(name, results) {
  let found = name;
  for (let i = 2; results.has(found); i++) {
    found = `${name} (${i})`;
  }
  return found;
}
