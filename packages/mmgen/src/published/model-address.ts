import { ConfigError, describeValue } from "@mmgen/core";
import { manifestFile } from "./manifest.js";

/** Where a model's files are on the web. */
export interface ModelAddress {
  /** Of the folder itself, for a cache to know it by. */
  readonly href: string;
  /** Where a file of this name is. */
  urlOf(name: string): string;
  /** As {@link ModelAddress.urlOf}, for messages: without the query, which may hold a token. */
  shown(name: string): string;
}

/**
 * The address of a folder of the web, or of the manifest in it; with a slash at its end or without. A query is kept for
 * every file, a fragment is not.
 *
 * @param url - http or https; in a page also relative to it.
 * @throws a {@link ConfigError} where it is no such address, or holds a user's name and password.
 */
export function modelAddress(url: string | URL): ModelAddress {
  const folder = parse(url);
  folder.hash = "";
  const path = folder.pathname.endsWith(`/${manifestFile}`)
    ? folder.pathname.slice(0, -manifestFile.length)
    : folder.pathname;
  folder.pathname = path.endsWith("/") ? path : `${path}/`;
  const fileUrl = (name: string) => {
    const file = new URL(folder);
    file.pathname += encodeURIComponent(name);
    return file;
  };
  return {
    href: folder.href,
    urlOf: (name) => fileUrl(name).href,
    shown: (name) => `${folder.origin}${fileUrl(name).pathname}`,
  };
}

function parse(url: unknown): URL {
  const base = (globalThis.location as Location | undefined)?.href;
  const isAddress = typeof url === "string" || url instanceof URL;
  const parsed = isAddress && URL.canParse(url, base) ? new URL(url, base) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new ConfigError(
      `url: expected the address of a model's folder, beginning with https:// or http://, got ${describeValue(url instanceof URL ? url.protocol : url)}. ` +
        "A folder of this machine is loaded by loadFrom of mmgen/node.",
    );
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new ConfigError(
      `url: expected an address without user and password, got one of ${parsed.host} with them. ` +
        "Give a fetch that sends them as a header.",
    );
  }
  return parsed;
}
