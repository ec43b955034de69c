import { ConfigError, quote } from "@mmgen/core";

/** Where a file is fetched from, with what must not appear in messages or on disk kept apart. */
export interface RemoteAddress {
  /** To be requested: with the query, without user and password. */
  readonly url: string;
  /** User and password, where the mirror's address has them. */
  readonly headers: Readonly<Record<string, string>>;
  /** For messages and for the part's origin: without user, password and query, which may be a token. */
  readonly shown: string;
}

/**
 * The address of a file in a mirror's folder. The folder's query is kept, user and password become a header, since
 * `fetch` takes none in an address.
 *
 * @param mirror - Address of the folder, http or https.
 * @param name - The file's; empty for the folder itself.
 * @throws a {@link ConfigError} when the mirror is no such address.
 */
export function remoteAddress(mirror: string, name = ""): RemoteAddress {
  let url: URL;
  try {
    url = new URL(mirror);
  } catch {
    throw notAnAddress(mirror);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw notAnAddress(mirror);
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.hash = "";
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${encodeURIComponent(name)}`;
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64");
  return {
    url: url.href,
    headers: username === "" && password === "" ? {} : { authorization: `Basic ${credentials}` },
    shown: `${url.origin}${url.pathname}`,
  };
}

function notAnAddress(mirror: string): ConfigError {
  const hidden = mirror.replace(/^(\w+:\/\/)?[^/?#]*@/, "$1…@").replace(/[?#].*$/s, "?…");
  return new ConfigError(`mirrors: expected addresses that begin with https:// or http://, got ${quote(hidden)}.`);
}

/** A part of an address without its percent signs, where they are as they should be. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
