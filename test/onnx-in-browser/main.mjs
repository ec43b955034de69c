// `npm run onnx-in-browser -- wasm|webgpu`: trains and generates in Chromium on onnxruntime-web, and compares the results
// with the native backend's. Needs a Chromium ($CHROME, else `chromium`);
// WebGPU is SwiftShader's, in software.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundle, sources } from "../../scripts/bundle.mjs";
import { runInChromium, softwareWebGpu } from "../../scripts/run-in-chromium.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const provider = process.argv[2] ?? "wasm";
const tolerance = 1e-3;

const runtimeFolder = () => dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

async function page() {
  const { outputFiles } = await build({
    entryPoints: [path("page.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    mainFields: ["browser", "module", "main"],
    // tfjs's registrations of gradients are declared free of side effects.
    ignoreAnnotations: true,
    logLevel: "error",
    alias: provider === "webgpu" ? { "onnxruntime-web": "onnxruntime-web/webgpu" } : {},
    plugins: [sources],
  });
  return outputFiles[0].contents;
}

const runtime = runtimeFolder();
const native = await bundle(path("native.ts"), "mmgen-browser/native");
const expected = JSON.parse(spawnSync(process.execPath, [native], { encoding: "utf8" }).stdout);
const answer = await runInChromium(await page(), {
  search: `?provider=${provider}`,
  files: runtime,
  flags: provider === "webgpu" ? softwareWebGpu : [],
});
if (answer.error) {
  console.error(answer.error);
  process.exit(1);
}
const round = (losses) => losses.map((loss) => loss.toFixed(3)).join(" ");
console.log(`transformer, native  ${round(expected.transformerLosses)}`);
console.log(`transformer, ${provider.padEnd(6)}  ${round(answer.transformerLosses)}`);
console.log(`VQ-VAE, native       ${round(expected.vqVaeLosses)}`);
console.log(`VQ-VAE, ${provider.padEnd(6)}       ${round(answer.vqVaeLosses)}`);
console.log(`ids ${answer.ids.join(" ")}; ${(answer.milliseconds / 1000).toFixed(1)} s in the browser`);
const near = answer.transformerLosses.every((loss, i) => Math.abs(loss - expected.transformerLosses[i]) < tolerance);
// Where two codes are equally near, rounding decides, and from then on the losses differ slightly.
const learns = answer.vqVaeLosses.at(-1) < 0.8 * answer.vqVaeLosses[0];
const same = answer.ids.join() === expected.ids.join();
console.log(near && same && learns ? "Same results as native." : "NOT the same results as native.");
process.exitCode = near && same && learns ? 0 : 1;
