import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
};

const chromium = process.env.CHROME ?? "chromium";

/** Whether there is a browser to open pages in. */
export const hasBrowser = (): boolean => spawnSync(chromium, ["--version"], { stdio: "ignore" }).status === 0;

/**
 * Opens a folder of static files in Chromium.
 *
 * @param folders - Where files are looked for, in order.
 * @returns the page's HTML once all its scripts have come to rest.
 */
export async function openPage(folders: readonly string[]): Promise<string> {
  const server = createServer(({ url = "/" }, response) => {
    const path = new URL(url, "http://localhost").pathname.replace(/\/$/, "/index.html");
    const file = folders.map((folder) => join(folder, path)).find(existsSync);
    if (file === undefined) {
      response.writeHead(404).end();
    } else {
      response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
      response.end(readFileSync(file));
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    // Time in the page passes only while it waits.
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=120000", "--dump-dom"];
    const child = spawn(chromium, [...flags, `http://127.0.0.1:${port}/`], { stdio: ["ignore", "pipe", "ignore"] });
    let html = "";
    child.stdout.on("data", (data) => (html += data));
    await once(child, "close");
    return html;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
