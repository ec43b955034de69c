/** Runs a page in Chromium ($CHROME, else `chromium`) until it posts its result. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

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
export function runInChromium(script, { search = "", files, flags = [], seconds = 300 } = {}) {
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
      } else if (files !== undefined && url.pathname.startsWith("/runtime/")) {
        response.setHeader("content-type", types[extname(url.pathname)] ?? "application/octet-stream");
        response.end(readFileSync(join(files, url.pathname.slice("/runtime/".length))));
      } else {
        response.writeHead(404).end();
      }
    });
    let browser;
    const end = (settle, value) => {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
      browser.once("exit", () => rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }));
      browser.kill();
      settle(value);
    };
    const timer = setTimeout(() => end(reject, new Error(`No answer within ${seconds} s.`)), 1000 * seconds);
    server.listen(0, "localhost", () => {
      const command = process.env.CHROME ?? "chromium";
      const own = ["--headless", "--no-sandbox", `--user-data-dir=${profile}`];
      const address = `http://localhost:${server.address().port}/${search}`;
      browser = spawn(command, [...own, ...flags, address], { stdio: "ignore" });
      browser.on("error", (error) => {
        end(reject, new Error(`${command} does not start: ${error.message}`));
        browser.emit("exit");
      });
    });
  });
}
