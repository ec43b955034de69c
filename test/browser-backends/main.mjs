// `npm run browser-backends -- [webgl] [webgpu] [wasm]`: every kind of model at work on tfjs's browser backends in
// Chromium ($CHROME, else `chromium`), against plain JavaScript, training and gradients included. webgl and webgpu are
// SwiftShader's, in software. Needs `npm install --no-save @tensorflow/tfjs-backend-webgl@4.22.0 @tensorflow/tfjs-backend-webgpu@4.22.0`.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { sources } from "../../scripts/bundle.mjs";
import { runInChromium, softwareWebGpu } from "../../scripts/run-in-chromium.mjs";

/** How far each figure may be off; training tells where rounding decided otherwise. */
const tolerances = { latents: 1e-4, codes: 0, pixels: 0, logits: 1e-4, ids: 0, tensors: 0, loss: 2e-3, weights: 1e-3 };
const flags = {
  webgl: ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  webgpu: softwareWebGpu,
};

const wasm = join(
  dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json")),
  "wasm-out",
);
const asked = process.argv.slice(2);
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("page.ts", import.meta.url))],
  bundle: true,
  write: false,
  format: "esm",
  platform: "browser",
  target: "es2022",
  // tfjs's registrations of gradients are declared free of side effects.
  ignoreAnnotations: true,
  logLevel: "error",
  plugins: [sources],
});
for (const backend of asked.length > 0 ? asked : ["webgl", "webgpu", "wasm"]) {
  const options = { search: `?backend=${backend}`, files: wasm, flags: flags[backend] ?? [], seconds: 600 };
  const { rows, gradients, error } = await runInChromium(outputFiles[0].contents, options);
  if (error !== undefined) {
    console.error(`${backend}: ${error}`);
    process.exitCode = 1;
    continue;
  }
  for (const [name, figures] of Object.entries(rows)) {
    const isNear = Object.entries(figures).every(([figure, difference]) => difference <= tolerances[figure]);
    const parts = Object.entries(figures).map(([figure, difference]) => `${figure} ${difference.toPrecision(2)}`);
    console.log(
      `${isNear ? "as on the cpu" : "NOT AS ON THE CPU"}  ${backend.padEnd(6)}  ${name}: ${parts.join(", ")}`,
    );
    process.exitCode ||= isNear ? 0 : 1;
  }
  if (gradients !== undefined) {
    const { count, wrong } = gradients;
    console.log([`${count - wrong.length} of ${count} gradients right  ${backend}`, ...wrong].join("\n  WRONG  "));
    process.exitCode ||= wrong.length === 0 ? 0 : 1;
  }
}
