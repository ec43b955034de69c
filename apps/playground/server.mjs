import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("dist", import.meta.url));

const types = {
  ...{ ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript" },
  ...{ ".wasm": "application/wasm", ".json": "application/json", ".png": "image/png", ".svg": "image/svg+xml" },
};

/** With these two the page has shared memory, and ONNX Runtime several threads; the page works without them too. */
const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/**
 * Hands out the files of the built page, to this machine alone.
 *
 * @param {number} port - 0: any that is free.
 * @returns {Promise<{ address: string, close: () => void }>}
 * @throws an error when the page is not built or the port is taken.
 */
export function servePage(port) {
  if (!existsSync(join(page, "index.html"))) {
    return Promise.reject(new Error(`There is no ${join(page, "index.html")}. Build the page with "npm run build".`));
  }
  const server = createServer((request, response) => {
    const path = fileOf(request.url);
    if (path === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("There is no such file.");
      return;
    }
    const type = types[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { ...isolation, "content-type": type, "cache-control": "no-cache" });
    createReadStream(path).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const close = () => {
        server.close();
        server.closeAllConnections();
      };
      resolve({ address: `http://localhost:${server.address().port}/`, close });
    });
  });
}

/** The file that an address means, within the page's folder. */
function fileOf(url) {
  let name;
  try {
    name = decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return undefined;
  }
  const path = normalize(join(page, name.endsWith("/") ? `${name}index.html` : name));
  return path.startsWith(page + sep) && existsSync(path) && statSync(path).isFile() ? path : undefined;
}
