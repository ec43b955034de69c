// tfjs-core's own test suite on this backend: `npm run conformance -w @mmgen/backend-onnx`.
//
//   --only <text>       run only the specs whose name contains it; the bars are then not checked
//   --backend <name>    run only this one of backends.mjs; the bars are then not checked
//   --provider <name>   the execution provider of ONNX Runtime, such as webgpu; the bars are then not checked
//   --runtime <name>    what runs the models: binding, the default, or c-api
//   --failures          list the specs that fail on onnx but not on cpu, with the first line of the reason

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundle } from "../../../scripts/bundle.mjs";
import { backends } from "./backends.mjs";
import { checkBars } from "./bars.mjs";
import { exclusions } from "./exclusions.mjs";
import { printCounts, printExclusions, printFailures } from "./report.mjs";
import { runBackend } from "./run-backend.mjs";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    backend: { type: "string" },
    provider: { type: "string" },
    runtime: { type: "string" },
    failures: { type: "boolean" },
  },
});
const suite = await bundle(fileURLToPath(new URL("suite.ts", import.meta.url)), "mmgen-conformance/suite");
const runs = {};
for (const name of Object.keys(backends)) {
  if (options.backend === undefined || options.backend === name) {
    runs[name] = runBackend(name, suite, options);
    printCounts(backends[name], runs[name]);
  }
}
if (options.failures) {
  printFailures(runs);
}
printExclusions(exclusions);
if (options.only === undefined && options.backend === undefined && options.provider === undefined) {
  process.exitCode = checkBars(runs) ? 0 : 1;
}
