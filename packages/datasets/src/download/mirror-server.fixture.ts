import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What a path of the test server does: sends a body; cuts the connection or pauses after some bytes of it; sends
 * without end; never answers; or what a function of the request does.
 */
export type MirrorBehavior =
  | Uint8Array
  | { readonly body: Uint8Array; readonly dropAfter?: number; readonly stallAfter?: number }
  | "endless"
  | "silent"
  | ((request: IncomingMessage, response: ServerResponse) => void);

/** A web server for tests of downloads. */
export interface MirrorServer {
  readonly address: string;
  /** Method and path of each request, and its range where it asked for one, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Starts a server on a free port of this machine; folders whose name starts with "silent" never answer. */
export async function startMirrorServer(paths: Readonly<Record<string, MirrorBehavior>>): Promise<MirrorServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    requests.push([request.method, path, ...(request.headers.range ? [request.headers.range] : [])].join(" "));
    const behavior = path.startsWith("/silent") ? "silent" : paths[path];
    if (behavior === "silent") {
      return;
    }
    if (behavior === undefined || request.method === "HEAD") {
      response.writeHead(behavior === undefined ? 404 : 200).end();
    } else if (typeof behavior === "function") {
      behavior(request, response);
    } else {
      send(behavior, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * A file served as good servers do, in ranges and with an ETag, but for a connection that breaks after `cutAfter` bytes
 * of each answer, of which the last ones may be lost.
 */
export function rangedFile(body: Uint8Array, etag: string, cutAfter = Number.POSITIVE_INFINITY): MirrorBehavior {
  return ({ headers }, response) => {
    const from = headers["if-range"] === etag ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0) : 0;
    if (from >= body.length) {
      response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
      return;
    }
    const rest = body.subarray(from);
    const range = from > 0 ? { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { etag, "content-length": rest.length, ...range });
    if (rest.length > cutAfter) {
      response.write(rest.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 100));
    } else {
      response.end(rest);
    }
  };
}

function send(
  behavior: Exclude<MirrorBehavior, "silent" | ((request: IncomingMessage, response: ServerResponse) => void)>,
  response: ServerResponse,
): void {
  if (behavior === "endless") {
    const more = () => {
      while (!response.destroyed && response.write(new Uint8Array(65_536)));
    };
    response.on("drain", more);
    more();
    return;
  }
  const { body, dropAfter, stallAfter } =
    behavior instanceof Uint8Array ? { body: behavior, dropAfter: undefined, stallAfter: undefined } : behavior;
  response.writeHead(200, { "content-length": body.length });
  if (dropAfter !== undefined) {
    response.write(body.subarray(0, dropAfter), () => response.destroy());
  } else if (stallAfter !== undefined) {
    response.write(body.subarray(0, stallAfter));
  } else {
    response.end(body);
  }
}
