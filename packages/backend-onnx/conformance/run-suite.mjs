// Runs the bundled suite (argument 1) on the backend that CONFORMANCE_BACKEND names, and writes every spec's result to
// a file (argument 2). CONFORMANCE_ONLY keeps the specs whose name contains it.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import Jasmine from "jasmine";
import { exclusions } from "./exclusions.mjs";

const [suite, output] = process.argv.slice(2);
const only = process.env.CONFORMANCE_ONLY ?? "";
const excluding = process.env.CONFORMANCE_BACKEND.startsWith("onnx") ? exclusions : [];
const isExcluded = (name) => excluding.some((exclusion) => name.includes(exclusion.name));

// Its constructor defines what the specs are written with: describe, it, expect.
const jasmine = new Jasmine();
jasmine.exitOnCompletion = false;
jasmine.clearReporters();
jasmine.randomizeTests(false);
jasmine.env.configure({
  specFilter: (spec) => spec.getFullName().includes(only) && !isExcluded(spec.getFullName()),
});

const results = [];
jasmine.addReporter({
  specDone({ fullName: name, status, failedExpectations }) {
    // Jasmine calls excluded what its filter left out, and pending what the suite itself says is not to be run.
    if (status === "passed" || status === "failed") {
      results.push({
        name,
        status,
        reasons: failedExpectations.map(({ message, stack }) => `${message}\n${stack ?? ""}`),
      });
    } else if (isExcluded(name)) {
      results.push({ name, status: "excluded", reasons: [] });
    }
  },
});

await import(pathToFileURL(suite).href);
await jasmine.execute();
writeFileSync(output, JSON.stringify(results));
// Some specs leave timers behind.
process.exit(0);
