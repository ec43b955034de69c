// `npm run browser -w @mmgen/backend-onnx -- wasm|webgpu`: trains and generates in Chromium on onnxruntime-web, and
// compares with the native backend. Needs `npm install --no-save onnxruntime-web@1.30.0` and a Chromium ($CHROME, else
// `chromium`); WebGPU is that of SwiftShader, in software.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundle, sources } from "../bundle.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const provider = process.argv[2] ?? "wasm";
const [seconds, tolerance] = [300, 1e-3];

function runtimeFolder() {
  try {
    return dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
  } catch {
    console.error("There is no onnxruntime-web here: npm install --no-save onnxruntime-web@1.30.0");
    process.exit(2);
  }
}

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

/** Serves the page and the runtime's files until the page has answered. */
function answerOf(script, runtime) {
  const types = { ".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm" };
  const profile = mkdtempSync(join(tmpdir(), "mmgen-browser-"));
  return new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      const url = new URL(request.url, "http://localhost");
      if (request.method === "POST") {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => end(resolve, JSON.parse(Buffer.concat(parts).toString())));
        response.end();
      } else if (url.pathname === "/") {
        response.setHeader("content-type", "text/html");
        response.end('<script type="module" src="/page.js"></script>');
      } else if (url.pathname === "/page.js") {
        response.setHeader("content-type", "text/javascript");
        response.end(script);
      } else if (url.pathname.startsWith("/runtime/")) {
        response.setHeader("content-type", types[extname(url.pathname)] ?? "application/octet-stream");
        response.end(readFileSync(join(runtime, url.pathname.slice("/runtime/".length))));
      } else {
        response.writeHead(404).end();
      }
    });
    let browser;
    const end = (settle, value) => {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
      browser.once("exit", () => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
      browser.kill();
      settle(value);
    };
    const timer = setTimeout(() => end(reject, new Error(`No answer within ${seconds} s.`)), 1000 * seconds);
    server.listen(0, "localhost", () => {
      const flags = ["--headless", "--no-sandbox", `--user-data-dir=${profile}`];
      const gpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];
      const address = `http://localhost:${server.address().port}/?provider=${provider}`;
      const command = process.env.CHROME ?? "chromium";
      browser = spawn(command, [...flags, ...(provider === "webgpu" ? gpu : []), address], { stdio: "ignore" });
      browser.on("error", (error) => {
        end(reject, new Error(`${command} does not start: ${error.message}`));
        browser.emit("exit");
      });
    });
  });
}

const runtime = runtimeFolder();
const native = await bundle(path("native.ts"), "mmgen-browser/native");
const expected = JSON.parse(spawnSync(process.execPath, [native], { encoding: "utf8" }).stdout);
const answer = await answerOf(await page(), runtime);
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
// Codes are choices: where two are as near, rounding decides, and the losses part a little from then on.
const learns = answer.vqVaeLosses.at(-1) < 0.8 * answer.vqVaeLosses[0];
const same = answer.ids.join() === expected.ids.join();
console.log(near && same && learns ? "As native." : "NOT as native.");
process.exitCode = near && same && learns ? 0 : 1;
