// `npm run test:webgpu [work…]`: small training steps, encoding, decoding and generations on ONNX Runtime's WebGPU provider,
// by SwiftShader, a driver in software, and on the cpu. No node may run outside the provider, at most two copies a run beside
// feeds and results, the losses of 20 steps with a fresh batch each equal to a millionth, ids and levels equal, nothing left
// on the device. The same on the runtime "c-api", results in memory "WebGPU_Buffer", with steps captured and replayed, those
// of training, of a generation and of diffusion. With `--chromium` both on onnxruntime-web in Chromium
// ($CHROME, else `chromium`), where the copies of the last training step are counted.
//
// Needs libvulkan.so.1 (apt-get install libvulkan1) and $VK_DRIVER_FILES, else the file that Debian's Chromium brings.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundle, sources } from "../../scripts/bundle.mjs";
import { runInChromium, softwareWebGpu } from "../../scripts/run-in-chromium.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const names = process.argv.slice(2).filter((argument) => argument !== "--chromium");
const driver = process.env.VK_DRIVER_FILES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Works in this process's Node, on one of the engines of node.ts. */
async function runInNode(engine) {
  const script = await bundle(path("node.ts"), "mmgen-webgpu/node");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, engine, ...names], {
    encoding: "utf8",
    env: { ...process.env, VK_DRIVER_FILES: driver },
  });
  return status === 0 ? JSON.parse(stdout) : stop(`Node, ${engine}: ${stderr}`);
}

/** Works in a page, on an engine of the same name. */
async function runInPage(engine) {
  const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
  const { outputFiles } = await build({
    ...{ entryPoints: [path("page.ts")], bundle: true, write: false, format: "esm", platform: "browser" },
    ...{ mainFields: ["browser", "module", "main"], ignoreAnnotations: true, logLevel: "error" },
    ...{ alias: { "onnxruntime-web": "onnxruntime-web/webgpu" }, plugins: [sources] },
  });
  const works = names.map((name) => `work=${encodeURIComponent(name)}`);
  const search = `?${[...works, ...(engine === "replayed" ? ["replay"] : [])].join("&")}`;
  const options = { search, files: runtime, flags: softwareWebGpu };
  const answer = await runInChromium(outputFiles[0].contents, options);
  return answer.error ? stop(answer.error) : answer;
}

function stop(message) {
  console.error(message);
  process.exit(1);
}

/**
 * How far a loss may be from the cpu's, as a share of it: some ten units in a float32's last place, as every sum of a step may
 * be taken in another order, and the rounding of one step's weights is in the losses of the steps after it.
 */
const tolerance = 1e-6;

/** What is wrong with a work's results. */
function faults({ trains, numbers }, { numbers: found, nodesOnCpu = [], copies = 0, kept = 0 }) {
  const differences = numbers.map((number, i) => Math.abs(number - found[i]) / (trains ? Math.abs(number) : 1));
  const difference = Math.max(...differences);
  return [
    ...(found.length === numbers.length && difference <= (trains ? tolerance : 0) ? [] : [`differs by ${difference}`]),
    ...(nodesOnCpu.length === 0 ? [] : [`on the cpu: ${nodesOnCpu.join(", ")}`]),
    ...(copies <= 2 ? [] : [`${copies} copies a run`]),
    ...(kept === 0 ? [] : [`${kept} bytes left on the device`]),
  ];
}

/** What is wrong with the capture of a work's steps. */
function replayFaults({ replays, replayed, notReplayed, replayBytes }) {
  return [
    ...(replayBytes > 0 === replays ? [] : [`${replayBytes} bytes of buffers for replay`]),
    ...(replayed > 0 === replays ? [] : [`${replayed} graphs replayed`]),
    ...(notReplayed.length === 0 || !replays ? [] : [`not captured: ${notReplayed.join("; ")}`]),
  ];
}

function report(title, { nodes, copies, milliseconds }, wrong) {
  const counts = [
    ...(nodes === undefined ? [] : [`, ${nodes} nodes in the largest graph`]),
    ...(copies === undefined ? [] : [`, ${copies} copies`]),
  ].join("");
  console.log(`${title}: ${wrong.join("; ") || "right"}${counts}, ${(milliseconds / 1000).toFixed(1)} s`);
  process.exitCode = wrong.length > 0 ? 1 : process.exitCode;
}

if (!existsSync(driver)) {
  console.error(`Skipped: there is no ${driver}; set VK_DRIVER_FILES to a driver's file.`);
  process.exit(0);
}
const inPage = process.argv.includes("--chromium");
const browser = process.env.CHROME ?? "chromium";
if (inPage && spawnSync(browser, ["--version"]).error) {
  console.error(`Skipped: there is no ${browser}; set CHROME to a Chromium's program.`);
  process.exit(0);
}
const run = inPage ? runInPage : runInNode;
const [expected, found] = [await runInNode("cpu"), await run("webgpu")];
for (const [name, work] of Object.entries(expected)) {
  report(name, found[name], faults(work, found[name]));
}
for (const [name, result] of Object.entries(await run("replayed"))) {
  report(`${name}, replayed`, result, [...faults(expected[name], result), ...replayFaults(result)]);
}
