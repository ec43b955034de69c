/** Runs a page in Chromium ($CHROME, else `chromium`) until it posts its result. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { json } from "node:stream/consumers";

const types = { ".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Chromium flags for WebGPU in software (SwiftShader). */
export const softwareWebGpu = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];

/**
 * @param {Uint8Array} script - The page's module; it posts JSON to any path when it is done.
 * @param {{ search?: string, files?: string, flags?: readonly string[], seconds?: number }} [options] - `search` of the
 *   page's address; a folder `files`, served under `/runtime/`; more flags for Chromium; how long to wait.
 * @returns {Promise<any>} The object that the page posted.
 */
export async function runInChromium(script, { search = "", files, flags = [], seconds = 300 } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "mmgen-browser-"));
  const { server, posted } = serve(script, files);
  server.listen(0, "localhost");
  await once(server, "listening");
  const command = process.env.CHROME ?? "chromium";
  const own = ["--headless", "--no-sandbox", `--user-data-dir=${profile}`];
  const address = `http://localhost:${server.address().port}/${search}`;
  const browser = spawn(command, [...own, ...flags, address], { stdio: "ignore" });
  let timer;
  try {
    return await Promise.race([
      posted,
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`No answer within ${seconds} s.`)), 1000 * seconds);
        browser.once("error", (error) => reject(new Error(`${command} does not start: ${error.message}`)));
        browser.once("exit", () => reject(new Error(`${command} ended before the page answered.`)));
      }),
    ]);
  } finally {
    clearTimeout(timer);
    server.close();
    server.closeAllConnections();
    await end(browser);
    // Its children may write to the profile until the last of them is gone: each try lists it anew, as `rmSync` does not.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** A server of the page and the files, not listening yet, and the first object that the page posts. */
function serve(script, files) {
  const server = createServer();
  const posted = new Promise((resolve, reject) => {
    server.on("request", (request, response) => {
      const url = new URL(request.url, "http://localhost");
      if (request.method === "POST") {
        json(request).then(resolve, reject);
        response.end();
      } else if (url.pathname === "/") {
        response.setHeader("content-type", "text/html");
        response.end('<script type="module" src="/page.js"></script>');
      } else if (url.pathname === "/page.js") {
        response.setHeader("content-type", "text/javascript");
        response.end(script);
      } else if (files !== undefined && url.pathname.startsWith("/runtime/")) {
        response.setHeader("content-type", types[extname(url.pathname)] ?? "application/octet-stream");
        response.end(readFileSync(join(files, url.pathname.slice("/runtime/".length))));
      } else {
        response.writeHead(404).end();
      }
    });
  });
  return { server, posted };
}

/** Ends a process, if it ever started; settles when it is gone. */
async function end(child) {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill();
    await once(child, "exit");
  }
}
