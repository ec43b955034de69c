import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What a path of the test server does: sends a body; cuts the connection or pauses after some bytes of it; sends
 * without end; or never answers.
 */
export type MirrorBehaviour =
  | Uint8Array
  | { readonly body: Uint8Array; readonly dropAfter?: number; readonly stallAfter?: number }
  | "endless"
  | "silent";

/** A web server for tests of downloads. */
export interface MirrorServer {
  readonly address: string;
  /** Method and path of each request, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Starts a server on a free port of this machine; folders whose name starts with "silent" never answer. */
export async function startMirrorServer(paths: Readonly<Record<string, MirrorBehaviour>>): Promise<MirrorServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    requests.push(`${request.method} ${path}`);
    const behaviour = path.startsWith("/silent") ? "silent" : paths[path];
    if (behaviour === "silent") {
      return;
    }
    if (behaviour === undefined || request.method === "HEAD") {
      response.writeHead(behaviour === undefined ? 404 : 200).end();
    } else {
      send(behaviour, response);
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

function send(behaviour: Exclude<MirrorBehaviour, "silent">, response: ServerResponse): void {
  if (behaviour === "endless") {
    const more = () => {
      while (!response.destroyed && response.write(new Uint8Array(65_536)));
    };
    response.on("drain", more);
    more();
    return;
  }
  const { body, dropAfter, stallAfter } =
    behaviour instanceof Uint8Array ? { body: behaviour, dropAfter: undefined, stallAfter: undefined } : behaviour;
  response.writeHead(200, { "content-length": body.length });
  if (dropAfter !== undefined) {
    response.write(body.subarray(0, dropAfter), () => response.destroy());
  } else if (stallAfter !== undefined) {
    response.write(body.subarray(0, stallAfter));
  } else {
    response.end(body);
  }
}
