import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { environment } from "../fixtures/consumer.fixture.js";
import { installTool } from "./tools.js";

/** A registry on this machine. */
export interface Registry {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  /** npm's user settings with which one may publish there. */
  readonly userConfig: string;
  /** Ends it; settles when it writes nothing any more. */
  readonly close: () => Promise<void>;
}

/**
 * Starts verdaccio, empty of packages of ours, which it keeps to itself; all others come from another registry.
 *
 * @param folder - An empty folder, for what is published.
 * @param upstream - Address of the other registry.
 */
export async function startRegistry(folder: string, upstream: string): Promise<Registry> {
  const modules = await installTool("verdaccio", upstream);
  const port = await freePort();
  const everyone = { access: "$all", publish: "$all" };
  const settings = {
    storage: join(folder, "storage"),
    uplinks: { upstream: { url: upstream, timeout: "60s", max_fails: 100, maxage: "60m" } },
    packages: { "@mmgen/*": everyone, mmgen: everyone, "**": { access: "$all", proxy: "upstream" } },
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    web: { enable: false },
    max_body_size: "100mb",
    log: { type: "file", path: join(folder, "verdaccio.log"), level: "warn" },
  };
  const config = join(folder, "config.yaml");
  // YAML takes JSON.
  writeFileSync(config, JSON.stringify(settings));
  const url = `http://127.0.0.1:${port}/`;
  const userConfig = join(folder, "npmrc");
  // npm publishes nothing without a token; this registry asks for none.
  writeFileSync(userConfig, `registry=${url}\n//127.0.0.1:${port}/:_authToken=none\n`);

  const script = join(modules, "verdaccio", "bin", "verdaccio");
  const child = spawn(process.execPath, [script, "--config", config, "--listen", `127.0.0.1:${port}`], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  const log = createWriteStream(join(folder, "output.log"));
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const ended = once(child, "exit");
  await answers(`${url}-/ping`);
  return {
    url,
    userConfig,
    close: async () => {
      child.kill();
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const isThere = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isThere) {
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`verdaccio does not answer at ${url} after a minute.`);
    }
    await wait(100);
  }
}
