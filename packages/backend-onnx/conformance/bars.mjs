import { correctedGradients } from "./corrected-gradients.mjs";

/** What has to hold, as shares and counts of specs. */
const bars = { run: 4200, withFallback: 0.98, onBothRuntimes: 1, alone: 0.8 };

/**
 * Compares the runs with what the backend promises, and prints it.
 *
 * @param runs - results of every backend of backends.mjs, by its name.
 * @returns {boolean} whether every bar holds.
 */
export function checkBars(runs) {
  const passOnCpu = having(runs.cpu, "passed");
  const needKernels = having(runs.none, "failed");
  const run = having(runs.onnx, "passed").length + having(runs.onnx, "failed").length;
  return [
    line("specs run on onnx", run, bars.run, run >= bars.run),
    shareLine(
      "of the specs that pass on cpu, passed on onnx with the fallback",
      runs.onnx,
      passOnCpu,
      bars.withFallback,
    ),
    shareLine(
      "of the specs that pass on onnx, passed on ONNX Runtime's C API too",
      runs["onnx-c-api"],
      having(runs.onnx, "passed"),
      bars.onBothRuntimes,
    ),
    shareLine(
      "of the specs that a backend without kernels fails, passed on onnx without the fallback",
      runs["onnx-alone"],
      needKernels,
      bars.alone,
    ),
    correctedLine(runs.corrected, passOnCpu),
  ].every(Boolean);
}

/** With the gradients of @mmgen/nn, the specs that ask for a wrong gradient fail, and no others. */
function correctedLine(results, passOnCpu) {
  const failed = passOnCpu.filter((name) => results.get(name)?.status !== "passed");
  const asked = (name) => correctedGradients.some((corrected) => name.includes(corrected.name));
  const others = failed.filter((name) => !asked(name));
  const idle = correctedGradients.filter(({ name }) => !failed.some((spec) => spec.includes(name)));
  const holds = others.length + idle.length === 0;
  const found = [...others, ...idle.map(({ name }) => `passes: ${name}`)].join("; ") || `${failed.length} specs`;
  console.log(
    `${holds ? "holds" : "FAILS"}: with corrected gradients only the specs that ask for others fail: ${found}`,
  );
  return holds;
}

function having(results, status) {
  return [...results].filter(([, result]) => result.status === status).map(([name]) => name);
}

function shareLine(what, results, names, bar) {
  const passed = names.filter((name) => results.get(name)?.status === "passed").length;
  const share = passed / names.length;
  return line(what, `${passed} of ${names.length}, ${(100 * share).toFixed(2)} %`, `${100 * bar} %`, share >= bar);
}

function line(what, found, bar, holds) {
  console.log(`${holds ? "holds" : "FAILS"}: ${what}: ${found} (at least ${bar})`);
  return holds;
}
