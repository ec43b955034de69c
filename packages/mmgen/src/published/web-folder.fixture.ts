import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ManagedCache, ModelCache } from "./model-cache.js";

/** Answers a request in a way of its own; false leaves it to the folder. */
export type Behavior = (name: string, request: IncomingMessage, response: ServerResponse) => boolean;

/** A folder of the web, on this machine. */
export interface WebFolder {
  /** With a slash at its end. */
  readonly address: string;
  /** What is there, by name; may be changed. */
  readonly files: Map<string, Uint8Array>;
  /** Paths and queries that were asked for, since they were last taken. */
  taken(): string[];
  /** What it does otherwise than hand out its files. */
  behave(behavior: Behavior | undefined): void;
  close(): Promise<void>;
}

/** Serves files by name under `/models/shapes/`. */
export async function serveWebFolder(files: Map<string, Uint8Array>): Promise<WebFolder> {
  let asked: string[] = [];
  let behavior: Behavior | undefined;
  const server = createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost");
    const name = /^\/models\/shapes\/([^/]+)$/.exec(url.pathname)?.[1] ?? "";
    asked.push(`${name || url.pathname}${url.search}`);
    if (behavior?.(name, request, response)) {
      return;
    }
    const bytes = files.get(name);
    response.writeHead(bytes === undefined ? 404 : 200, { "content-type": "application/octet-stream" }).end(bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/shapes/`,
    files,
    taken: () => {
      const before = asked;
      asked = [];
      return before.sort();
    },
    behave: (next) => {
      behavior = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A cache in memory which cannot be listed. */
export function memoryCache(): ModelCache & { readonly files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    read: async (key) => files.get(key),
    write: async (key, bytes) => void files.set(key, bytes),
  };
}

/** A cache in memory. */
export function managedCache(): ManagedCache & { readonly files: Map<string, Uint8Array> } {
  const cache = memoryCache();
  return {
    ...cache,
    list: async () => new Map([...cache.files].map(([key, { length }]) => [key, length])),
    remove: async (key) => void cache.files.delete(key),
  };
}
