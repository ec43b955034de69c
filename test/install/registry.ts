import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { PackedPackage } from "../fixtures/consumer.fixture.js";

/** What a registry answers about a package; the fields that are rewritten. */
interface Packument {
  readonly versions?: Readonly<Record<string, { readonly dist: { tarball: string } }>>;
}

/**
 * Starts a registry on this machine, as if our packages were published: it gives their tarballs, and of all other
 * packages what another registry has.
 *
 * @param upstream - Address of the other registry, with a slash at its end.
 */
export async function startRegistry(upstream: string, packages: readonly PackedPackage[]) {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => response.destroy(error));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  const own = new Map(packages.map((packed) => [packed.name, packumentOf(packed, `${url}-/own/${packed.filename}`)]));
  const tarballs = new Map(packages.map(({ filename, path }) => [filename, path]));
  const others = new Map<string, Promise<{ status: number; text: string }>>();

  /** A packument of the other registry, whose tarballs come through this one. */
  async function fetchPackument(name: string, accept: string) {
    const { status, body } = await ask(`${upstream}${name.replace("/", "%2f")}`, { accept });
    const text = body.toString();
    if (status !== 200) {
      return { status, text };
    }
    const packument: Packument = JSON.parse(text);
    for (const { dist } of Object.values(packument.versions ?? {})) {
      dist.tarball = `${url}-/other/${encodeURIComponent(dist.tarball)}`;
    }
    return { status: 200, text: JSON.stringify(packument) };
  }

  async function answer({ url: path = "/", method, headers }: IncomingMessage, response: ServerResponse) {
    const [, kind, file] = /^\/-\/(own|other)\/(.*)$/.exec(path) ?? [];
    // Nothing of this registry is to be found in a cache: it is another one with every run.
    response.setHeader("cache-control", "no-store");
    if (kind === "own") {
      response.end(readFileSync(tarballs.get(file!)!));
    } else if (kind === "other") {
      const { status, body } = await ask(decodeURIComponent(file!));
      response.writeHead(status).end(body);
    } else if (method !== "GET" || path.startsWith("/-/")) {
      response.writeHead(404).end("{}"); // audits
    } else {
      const name = decodeURIComponent(path.slice(1));
      const accept = headers.accept ?? "application/json";
      const key = `${name} ${accept}`;
      if (!own.has(name) && !others.has(key)) {
        others.set(key, fetchPackument(name, accept));
      }
      const { status, text } = own.get(name) ?? (await others.get(key)!);
      response.writeHead(status, { "content-type": "application/json" }).end(text);
    }
  }

  return {
    /** `http://127.0.0.1:PORT/` */
    url,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Asks another registry, up to four times where the connection breaks. */
async function ask(
  url: string,
  headers: Record<string, string> = {},
  tries = 4,
): Promise<{ status: number; body: Buffer }> {
  try {
    const response = await fetch(url, { headers });
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
  } catch (error) {
    if (tries === 1) {
      throw error;
    }
    await setTimeout(500);
    return ask(url, headers, tries - 1);
  }
}

function packumentOf({ name, manifest, integrity, shasum }: PackedPackage, tarball: string) {
  const { version } = manifest;
  const packument = {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist: { tarball, integrity, shasum } } },
    // pnpm takes no version of today.
    time: { created: "2020-01-01T00:00:00.000Z", [version]: "2020-01-01T00:00:00.000Z" },
  };
  return { status: 200, text: JSON.stringify(packument) };
}
