import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as kernelNames from "@tensorflow/tfjs-core/dist/kernel_names";
import { expect, it } from "vitest";
import { nativeKernels } from "./index.js";

/** Kernels that only make sense with what a browser has. */
const ofBrowsers = new Set(["FromPixels", "Draw"]);

it("docs/kernels.md says what the registry has", async () => {
  const native = new Set(nativeKernels.map(({ name }) => name));
  const onCpu = new Set(tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName));
  const named = new Set([...Object.values(kernelNames as Record<string, string>), ...onCpu]);
  const ofTfjs = [...named].filter((name) => !ofBrowsers.has(name)).sort();
  const rows = ofTfjs.map(
    (name) => `| ${name} | ${native.has(name) ? "native" : onCpu.has(name) ? "fallback" : "missing"} |`,
  );
  const count = (kind: string) => rows.filter((row) => row.endsWith(`| ${kind} |`)).length;
  const own = [...native].filter((name) => !named.has(name)).sort();
  const page = `# Kernels of \`@mmgen/backend-onnx\`

Generated from the registry by \`npx vitest run packages/backend-onnx/src/kernels/kernels-table.test.ts --update\`.

- **native**: recorded as ONNX operators and run by ONNX Runtime. Strings, complex numbers, empty tensors and the few
  cases a kernel's file names still take the fallback.
- **fallback**: computed by \`@tensorflow/tfjs-backend-cpu\`'s code on values read back, unless the backend was
  registered with \`{ fallback: false }\`.
- **missing**: neither has it, and no operation of tfjs calls it.

Of tfjs's ${ofTfjs.length} kernels ${count("native")} are native, ${count("fallback")} fall back and ${count("missing")} are missing.

| kernel | |
|---|---|
${rows.join("\n")}

Beyond tfjs's, for the layers of this project: ${own.join(", ")}.
`;
  await expect(page).toMatchFileSnapshot("../../../../docs/kernels.md");
});
